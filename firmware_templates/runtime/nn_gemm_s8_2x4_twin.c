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

/* sum[pixel][channel]: D0 and 256 D1 + D0 of two pairs of channels; returns the end of the weights
 * that are sums. */
static const uint32_t *sums_of(const uint32_t *columns, const uint32_t *weights, int32_t pairs,
                               uint32_t sum[2][4])
{
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
    return weights;
}

/* 256 times the sum of a channel, of four. */
static int32_t sum256_of(const uint32_t *sum, int32_t channel)
{
    return (int32_t)(channel & 1 ? sum[channel] - sum[channel - 1] : sum[channel] << 8);
}

static const uint32_t *codes_twice_rounded(uint32_t sum[2][4], const uint32_t *w, int8_t *out,
                                           int32_t out_stride)
{
    for (int32_t i = 0; i < 4; i++, w += 3) {
        int32_t channel = i ^ 1; /* the odd one of two comes first */
        for (int32_t pixel = 0; pixel < 2; pixel++) {
            int32_t doubled = channel & 1 ? sum256_of(sum[pixel], channel) >> 7
                                          : (int32_t)(2 * sum[pixel][channel]);
            out[pixel * out_stride + channel] =
                nn_requantize_doubled(doubled, (int32_t)w[0], (int32_t)w[1], (int32_t)w[2]);
        }
    }
    return w;
}

static const uint32_t *codes_rounded_down(uint32_t sum[2][4], const uint32_t *w, int8_t *out,
                                          int32_t out_stride)
{
    for (int32_t i = 0; i < 4; i++, w += 2) {
        int32_t channel = i ^ 1;
        for (int32_t pixel = 0; pixel < 2; pixel++) {
            out[pixel * out_stride + channel] = nn_round_down(
                sum256_of(sum[pixel], channel), (int32_t)w[0], (int32_t)w[1], NN_GEMM_FLOOR_SHIFT);
        }
    }
    return w;
}

typedef const uint32_t *codes_function(uint32_t sum[2][4], const uint32_t *w, int8_t *out,
                                       int32_t out_stride);

static void gemm(const nn_gemm_run *run, const nn_gemm_shape *shape, codes_function *codes)
{
    const int8_t *a = run->a, *b = run->b;
    int8_t *out = run->out;
    for (int32_t i = run->count; i > 0; i--, a += run->step, b += run->step) {
        const uint32_t *w = run->weights;
        widen(a, b, run->row_step, run->columns, shape);
        for (int32_t group = 0; group < shape->groups; group++) {
            uint32_t sum[2][4];
            w = sums_of(run->columns, w, shape->pairs, sum);
            w = codes(sum, w, out + 4 * group, run->out_stride);
        }
        out += 2 * run->out_stride;
    }
}

void nn_gemm_s8_2x4(const nn_gemm_run *run, const nn_gemm_shape *shape)
{
    gemm(run, shape, codes_twice_rounded);
}

void nn_gemm_s8_2x4_floor(const nn_gemm_run *run, const nn_gemm_shape *shape)
{
    gemm(run, shape, codes_rounded_down);
}
