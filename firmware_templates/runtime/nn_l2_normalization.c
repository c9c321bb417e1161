#include "nn_l2_normalization.h"

#include <math.h>

#include "nn_float.h"
#include "nn_inverse_sqrt.h"

void nn_l2_normalization_s8(const nn_l2_normalization_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++, in += p->columns, out += p->columns) {
        int32_t square = 0;
        for (int32_t c = 0; c < p->columns; c++) {
            int32_t x = in[c] - p->zero_point;
            square += x * x;
        }
        nn_factor factor = nn_inverse_sqrt(square);
        for (int32_t c = 0; c < p->columns; c++) {
            int32_t x = in[c] - p->zero_point;
            int32_t code = nn_requantize(x, factor.multiplier, factor.shift + 7);
            out[c] = (int8_t)nn_clamp(code, INT8_MIN, INT8_MAX);
        }
    }
}

void nn_l2_normalization_f32(const nn_l2_normalization_params *p, const float *in, float *out)
{
    for (int32_t row = 0; row < p->rows; row++, in += p->columns, out += p->columns) {
        float square = 0.0f;
        for (int32_t c = 0; c < p->columns; c++) {
            NN_MAC_F32(square, in[c], in[c]);
        }
        float length = sqrtf(square);
        length = length < 1e-6f ? 1e-6f : length;
        for (int32_t c = 0; c < p->columns; c++) {
            out[c] = in[c] / length;
        }
    }
}
