#include "nn_fixedpoint.h"
#include "nn_quantize_s16.h"

void nn_requantize_s16_s8(const nn_requantize_params *p, const int16_t *in, int8_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        int32_t code = nn_requantize(in[i] - p->in_zero_point, p->multiplier, p->shift);
        out[i] = (int8_t)nn_clamp(code + p->out_zero_point, INT8_MIN, INT8_MAX);
    }
}
