/* The portable twin of nn_gemm_s8_2x4_dsp.S. */
#include "nn_dsp.h"
#include "nn_gemm.h"

/* Two half-words. */
static uint32_t pair_of(int8_t low, int8_t high)
{
    return (uint32_t)(uint16_t)low | (uint32_t)(uint16_t)high << 16;
}

/* Two windows become columns, word by word: these may begin before where the windows end. */
static void widen(const int8_t *a, const int8_t *b, int32_t row_step, uint32_t *columns,
                  const nn_gemm_shape *shape)
{
    int32_t bytes = shape->row_bytes;
    for (int32_t start = 0; start < shape->rows * row_step; start += row_step) {
        for (int32_t i = start; i < start + bytes; i += 4, columns += 4) {
            uint32_t x = nn_load4(a + i), y = nn_load4(b + i);
            columns[0] = nn_sxtb16(x);
            columns[1] = nn_sxtb16(y);
            columns[2] = nn_sxtb16_high(x);
            columns[3] = nn_sxtb16_high(y);
        }
    }
    for (int32_t y = 0; y < shape->longer_rows; y += 2, columns += 2) {
        int32_t i = y * row_step + bytes, next = y + 1 < shape->longer_rows ? i + row_step : i;
        columns[0] = pair_of(a[i], a[next]);
        columns[1] = pair_of(b[i], b[next]);
    }
}

/* Four channels of two pixels. */
static const uint32_t *four_channels(const uint32_t *columns, const uint32_t *weights, int8_t *out,
                                     int32_t out_stride, int32_t pairs)
{
    /* sum[pixel][channel]: D0 and 256 D1 + D0 of two pairs of channels */
    uint32_t sum[2][4];
    memcpy(sum[0], weights, sizeof sum[0]);
    memcpy(sum[1], weights, sizeof sum[1]);
    weights += 4;
    for (int32_t k = 0; k < pairs; k++, weights += 2) {
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
            out[pixel * out_stride + channel] = nn_requantize_doubled(
                doubled, (int32_t)weights[0], (int32_t)weights[1], (int32_t)weights[2]);
        }
    }
    return weights;
}

void nn_gemm_s8_2x4(const nn_gemm_run *run, const nn_gemm_shape *shape)
{
    const int8_t *a = run->a, *b = run->b;
    int8_t *out = run->out;
    for (int32_t i = run->count; i > 0; i--, a += run->step, b += run->step) {
        widen(a, b, run->row_step, run->columns, shape);
        const uint32_t *weights = run->weights;
        for (int32_t group = 0; group < shape->groups; group++) {
            weights = four_channels(run->columns, weights, out + 4 * group, run->out_stride,
                                    shape->pairs);
        }
        out += 2 * run->out_stride;
    }
}

/* With a zero point of -128 the sign's correction cannot show: the assembly leaves it out. */
void nn_gemm_s8_2x4_relu(const nn_gemm_run *run, const nn_gemm_shape *shape)
{
    nn_gemm_s8_2x4(run, shape);
}
