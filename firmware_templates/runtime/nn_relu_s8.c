#include "nn_fixedpoint.h"
#include "nn_relu.h"

void nn_relu_s8(const nn_relu_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        int32_t x = nn_requantize(in[i] - p->in_zero_point, p->multiplier, p->shift);
        out[i] = (int8_t)nn_clamp(x + p->out_zero_point, p->out_zero_point, INT8_MAX);
    }
}
