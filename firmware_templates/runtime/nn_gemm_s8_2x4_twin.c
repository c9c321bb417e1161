/* The portable twin of nn_gemm_s8_2x4_dsp.S. */
#include "nn_dsp.h"
#include "nn_gemm.h"

void nn_gemm_s8_2x4(const uint32_t *columns, const uint32_t *weights, int8_t *out,
                    const nn_gemm_shape *shape)
{
    for (int32_t group = 0; group < shape->groups; group++, out += 4) {
        /* sum[pixel][channel]: D0 and 256 D1 + D0 of two pairs of channels */
        uint32_t sum[2][4];
        memcpy(sum[0], weights, sizeof sum[0]);
        memcpy(sum[1], weights, sizeof sum[1]);
        weights += 4;
        for (int32_t k = 0; k < shape->pairs; k++, weights += 2) {
            for (int32_t pixel = 0; pixel < 2; pixel++) {
                uint32_t x = columns[2 * k + pixel];
                for (int32_t half = 0; half < 2; half++) {
                    uint32_t *s = &sum[pixel][2 * half];
                    s[0] = nn_smlad(nn_sxtb16(weights[half]), x, s[0]);
                    s[1] = nn_smlad(weights[half], x, s[1]);
                }
            }
        }
        for (int32_t i = 0; i < 4; i++, weights += 3) {
            int32_t channel = i ^ 1; /* the odd one of two comes first */
            for (int32_t pixel = 0; pixel < 2; pixel++) {
                const uint32_t *s = &sum[pixel][channel];
                int32_t doubled = channel & 1 ? (int32_t)(s[0] - s[-1]) >> 7 : (int32_t)(2 * s[0]);
                out[pixel * shape->out_stride + channel] = nn_requantize_doubled(
                    doubled, (int32_t)weights[0], (int32_t)weights[1], (int32_t)weights[2]);
            }
        }
    }
}

/* With a zero point of -128 the sign's correction cannot show: the assembly leaves it out. */
void nn_gemm_s8_2x4_relu(const uint32_t *columns, const uint32_t *weights, int8_t *out,
                         const nn_gemm_shape *shape)
{
    nn_gemm_s8_2x4(columns, weights, out, shape);
}
