#include "nn_fixedpoint.h"
#include "nn_quantize_s16.h"

void nn_requantize_s16(const nn_requantize_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        int32_t code = nn_requantize(in[i] - p->in_zero_point, p->multiplier, p->shift);
        out[i] = (int16_t)nn_clamp(code + p->out_zero_point, INT16_MIN, INT16_MAX);
    }
}
