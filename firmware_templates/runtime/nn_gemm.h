/*
 * The product of two columns of int16 with paired-byte weights, requantized to int8.
 *
 * Weights, for each group of four output channels c: bias c, bias c + 256 bias (c+1), the same of
 * c + 2 and c + 3; for each pair of K two words (channels c, c + 1 and c + 2, c + 3), whose
 * half-words are 256 w(c+1) + w(c) of the pair's two rows; then multiplier, rounding and shift of
 * the channels c + 1, c, c + 3, c + 2. rounding = 2^(shift - 1) + (zero point << shift).
 * K is padded to a multiple of four; the rows of four k come in the order k, k + 2, k + 1, k + 3,
 * which is how SXTB16 widens a word of four bytes. Zero points are folded into the bias.
 *
 * Exact while |sum + bias| < 2^23 for the odd channels, < 2^30 for the even ones, and
 * 1 <= shift <= 22. The _relu form needs an output zero point of -128 and clamps there.
 */
#ifndef NN_GEMM_H
#define NN_GEMM_H

#include <stddef.h>
#include <stdint.h>

#include "nn_dsp.h"
#include "nn_gemm_layout.h"

typedef struct {
    int32_t pairs;      /* half of K */
    int32_t groups;     /* of four output channels */
    int32_t out_stride; /* bytes from the first pixel's outputs to the second's */
} nn_gemm_shape;

typedef char
    nn_gemm_layout_is_right[offsetof(nn_gemm_shape, pairs) == NN_GEMM_PAIRS &&
                                    offsetof(nn_gemm_shape, groups) == NN_GEMM_GROUPS &&
                                    offsetof(nn_gemm_shape, out_stride) == NN_GEMM_OUT_STRIDE
                                ? 1
                                : -1];

typedef void nn_gemm_function(const uint32_t *columns, const uint32_t *weights, int8_t *out,
                              const nn_gemm_shape *shape);

nn_gemm_function nn_gemm_s8_2x4;
nn_gemm_function nn_gemm_s8_2x4_relu;

/* Two runs of n bytes (a multiple of four) as interleaved columns; returns the end of dst. */
static inline uint32_t *nn_widen2(const int8_t *a, const int8_t *b, uint32_t *dst, int32_t n)
{
    for (; n >= 8; n -= 8, a += 8, b += 8, dst += 8) {
        uint32_t x = nn_load4(a), y = nn_load4(b), z = nn_load4(a + 4), w = nn_load4(b + 4);
        dst[0] = nn_sxtb16(x);
        dst[1] = nn_sxtb16(y);
        dst[2] = nn_sxtb16_high(x);
        dst[3] = nn_sxtb16_high(y);
        dst[4] = nn_sxtb16(z);
        dst[5] = nn_sxtb16(w);
        dst[6] = nn_sxtb16_high(z);
        dst[7] = nn_sxtb16_high(w);
    }
    if (n > 0) {
        uint32_t x = nn_load4(a), y = nn_load4(b);
        dst[0] = nn_sxtb16(x);
        dst[1] = nn_sxtb16(y);
        dst[2] = nn_sxtb16_high(x);
        dst[3] = nn_sxtb16_high(y);
        dst += 4;
    }
    return dst;
}

#endif
