/* The portable twin of nn_gemm_s8_2x4_dsp.S. */
#include "nn_dsp.h"
#include "nn_gemm.h"
#include "nn_gemm_twin.h"

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

static void gemm(const nn_gemm_run *run, const nn_gemm_shape *shape, nn_gemm_codes_function *codes)
{
    const int8_t *a = run->a, *b = run->b;
    int8_t *out = run->out;
    for (int32_t i = run->count; i > 0; i--, a += run->step, b += run->step) {
        const uint32_t *w = run->weights;
        widen(a, b, run->row_step, run->columns, shape);
        for (int32_t group = 0; group < shape->groups; group++) {
            uint32_t sum[2][4];
            w = nn_gemm_sums_of(run->columns, w, shape->pairs, sum);
            w = codes(sum, w, out + 4 * group, run->out_stride);
        }
        out += 2 * run->out_stride;
    }
}

void nn_gemm_s8_2x4(const nn_gemm_run *run, const nn_gemm_shape *shape)
{
    gemm(run, shape, nn_gemm_codes_twice_rounded);
}

void nn_gemm_s8_2x4_floor(const nn_gemm_run *run, const nn_gemm_shape *shape)
{
    gemm(run, shape, nn_gemm_codes_rounded_down);
}
