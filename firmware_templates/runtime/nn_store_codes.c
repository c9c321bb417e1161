#include "nn_store_codes.h"

#include "nn_fixedpoint.h"

void nn_store_codes(const nn_codes *codes, int32_t first, const int32_t *sums, int32_t n,
                    int8_t *out)
{
    /* kept in registers: for all that a compiler knows, a stored code may be one of them */
    const int32_t *multiplier = codes->multiplier + first;
    const int8_t *half_shift = codes->half_shift + first;
    int32_t offset = codes->offset, low = codes->low, high = codes->high;
    for (const int32_t *end = sums + n; sums != end;) {
        int32_t code = nn_requantize_right(*sums++, *multiplier++, *half_shift++, offset);
        *out++ = (int8_t)nn_clamp(code, low, high);
    }
}
