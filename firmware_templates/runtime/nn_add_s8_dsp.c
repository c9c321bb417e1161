#include "nn_add_dsp.h"
#include "nn_dsp.h"
#include "nn_fixedpoint.h"

void nn_add_s8_dsp(const nn_add_dsp_params *p, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    nn_add_sum sum = p->sum; /* copies: out could alias *p for all that the compiler knows */
    nn_add_input input = p->second;
    int32_t offset = p->offset;
    const int8_t *a = p->swapped ? in2 : in1, *b = p->swapped ? in1 : in2;
    for (int32_t i = 0; i < sum.count; i++) {
        int32_t second = nn_add_rescale(&input, b[i]);
        int32_t doubled = a[i] * (1 << 20) - offset + 2 * second;
        out[i] = nn_requantize_doubled(doubled, sum.multiplier, sum.rounding, sum.shift);
    }
    nn_clamp_codes(out, sum.count, p->act_min, p->act_max);
}
