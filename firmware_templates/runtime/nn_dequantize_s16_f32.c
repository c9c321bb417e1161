#include "nn_quantize_s16.h"

void nn_dequantize_s16_f32(const nn_affine_params *p, const int16_t *in, float *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        out[i] = (float)(in[i] - p->zero_point) * p->scale;
    }
}
