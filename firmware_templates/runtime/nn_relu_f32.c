#include "nn_relu_f32.h"

#include "nn_float.h"

void nn_relu_f32(const nn_relu_f32_params *p, const float *in, float *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        out[i] = nn_clamp_f32(in[i], p->low, p->high);
    }
}
