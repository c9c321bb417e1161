#include "nn_quantize.h"

void nn_dequantize_s8_f32(const nn_affine_params *p, const int8_t *in, float *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        out[i] = (float)(in[i] - p->zero_point) * p->scale;
    }
}
