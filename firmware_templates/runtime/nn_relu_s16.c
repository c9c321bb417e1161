#include "nn_relu_s16.h"

#include "nn_fixedpoint.h"

void nn_relu_s16(const nn_relu_s16_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        out[i] = (int16_t)nn_clamp(nn_requantize(in[i], p->multiplier, p->shift), 0, p->most);
    }
}
