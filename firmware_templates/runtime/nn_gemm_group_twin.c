/* The portable twin of nn_gemm_group_dsp.S. */
#include "nn_gemm_group.h"
#include "nn_gemm_twin.h"

static void group(const uint32_t *columns, const uint32_t *weights, int8_t *out,
                  const nn_gemm_block *block, nn_gemm_codes_function *codes)
{
    for (int32_t i = 0; i < block->count; i++, columns += 2 * block->pairs) {
        uint32_t sum[2][4];
        codes(sum, nn_gemm_sums_of(columns, weights, block->pairs, sum), out, block->out_stride);
        out += 2 * block->out_stride;
    }
}

void nn_gemm_group_s8_2x4(const uint32_t *columns, const uint32_t *weights, int8_t *out,
                          const nn_gemm_block *block)
{
    group(columns, weights, out, block, nn_gemm_codes_twice_rounded);
}

void nn_gemm_group_s8_2x4_floor(const uint32_t *columns, const uint32_t *weights, int8_t *out,
                                const nn_gemm_block *block)
{
    group(columns, weights, out, block, nn_gemm_codes_rounded_down);
}
