#include "nn_requantize_pairs.h"

#include "nn_fixedpoint.h"

#define BETWEEN(name, source, target, low, high)                                                   \
    void name(const nn_requantize_params *p, const source *in, target *out)                        \
    {                                                                                              \
        for (int32_t i = 0; i < p->size; i++) {                                                    \
            int32_t code = nn_requantize(in[i] - p->in_zero_point, p->multiplier, p->shift);       \
            out[i] = (target)nn_clamp(code + p->out_zero_point, low, high);                        \
        }                                                                                          \
    }

BETWEEN(nn_requantize_s8_u8, int8_t, uint8_t, 0, UINT8_MAX)
BETWEEN(nn_requantize_s8_s32, int8_t, int32_t, INT32_MIN, INT32_MAX)
BETWEEN(nn_requantize_s16_s32, int16_t, int32_t, INT32_MIN, INT32_MAX)
BETWEEN(nn_requantize_u8_s8, uint8_t, int8_t, INT8_MIN, INT8_MAX)
BETWEEN(nn_requantize_s32_s8, int32_t, int8_t, INT8_MIN, INT8_MAX)
BETWEEN(nn_requantize_s32_s16, int32_t, int16_t, INT16_MIN, INT16_MAX)

void nn_dequantize_u8_f32(const nn_affine_params *p, const uint8_t *in, float *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        out[i] = (float)(in[i] - p->zero_point) * p->scale;
    }
}
