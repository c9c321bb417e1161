/*
 * Outputs of pairs of pixels: their windows as two columns of int16, times paired-byte weights,
 * requantized to int8.
 *
 * A window is `rows` rows of `row_bytes` bytes (a multiple of four), and one byte more each when
 * `longer_rows` is `rows` too and not zero. K is the bytes of all rows, each four in the order k,
 * k + 2, k + 1, k + 3, which is how SXTB16 widens a word, and then the bytes that rows have more.
 * Two neighbours in this order are a pair of K; a last one alone has a partner of weight zero.
 *
 * Weights, for each group of four output channels c: bias c, bias c + 256 bias (c+1), the same of
 * c + 2 and c + 3; for each pair of K two words (channels c, c + 1 and c + 2, c + 3), whose
 * half-words are 256 w(c+1) + w(c) of the pair's two bytes; then three words for each of the
 * channels c + 1, c, c + 3 and c + 2: multiplier, rounding and shift, where rounding is
 * 2^(shift - 1) + (zero point << shift). Zero points of the input are folded into the bias.
 * Exact while |sum + bias| < 2^23 for the odd channels, < 2^30 for the even ones, and
 * 1 <= shift <= 22.
 *
 * The _floor form has two words for each channel instead of three, factor and offset:
 *
 *     code = (256 (sum + bias) * factor + (offset << 32)) >> (32 + NN_GEMM_FLOOR_SHIFT)
 *
 * and |sum + bias| < 2^23 for all channels. Who packs them has proved the codes equal.
 *
 * Both windows of a pair are read whole before any of their outputs is written.
 */
#ifndef NN_GEMM_H
#define NN_GEMM_H

#include <stddef.h>
#include <stdint.h>

#include "nn_dsp.h"
#include "nn_gemm_layout.h"

typedef struct {
    int32_t rows, row_bytes, longer_rows;
    int32_t pairs;  /* of K, at least two */
    int32_t groups; /* of four output channels */
} nn_gemm_shape;

typedef struct {
    const int8_t *a, *b; /* windows of the first two pixels */
    int8_t *out;         /* of the first */
    uint32_t *columns;   /* scratch: two words for each pair of K */
    const uint32_t *weights;
    int32_t step;       /* bytes from a pair's windows to those of the next pair */
    int32_t row_step;   /* bytes from a window's row to its next */
    int32_t out_stride; /* bytes from a pixel's outputs to the next pixel's */
    int32_t count;      /* of pairs of pixels, at least one */
} nn_gemm_run;

#define NN_GEMM_IS_AT(type, member, offset)                                                        \
    typedef char nn_gemm_##member##_is_right                                                       \
        [sizeof(void *) != 4 || offsetof(type, member) == (offset) ? 1 : -1]

NN_GEMM_IS_AT(nn_gemm_run, a, NN_GEMM_A);
NN_GEMM_IS_AT(nn_gemm_run, b, NN_GEMM_B);
NN_GEMM_IS_AT(nn_gemm_run, out, NN_GEMM_OUT);
NN_GEMM_IS_AT(nn_gemm_run, columns, NN_GEMM_COLUMNS);
NN_GEMM_IS_AT(nn_gemm_run, weights, NN_GEMM_WEIGHTS);
NN_GEMM_IS_AT(nn_gemm_run, step, NN_GEMM_STEP);
NN_GEMM_IS_AT(nn_gemm_run, row_step, NN_GEMM_ROW_STEP);
NN_GEMM_IS_AT(nn_gemm_run, out_stride, NN_GEMM_OUT_STRIDE);
NN_GEMM_IS_AT(nn_gemm_run, count, NN_GEMM_COUNT);
NN_GEMM_IS_AT(nn_gemm_shape, rows, NN_GEMM_ROWS);
NN_GEMM_IS_AT(nn_gemm_shape, row_bytes, NN_GEMM_ROW_BYTES);
NN_GEMM_IS_AT(nn_gemm_shape, longer_rows, NN_GEMM_LONGER_ROWS);
NN_GEMM_IS_AT(nn_gemm_shape, pairs, NN_GEMM_PAIRS);
NN_GEMM_IS_AT(nn_gemm_shape, groups, NN_GEMM_GROUPS);

typedef void nn_gemm_function(const nn_gemm_run *run, const nn_gemm_shape *shape);

nn_gemm_function nn_gemm_s8_2x4;
nn_gemm_function nn_gemm_s8_2x4_floor;

#endif
