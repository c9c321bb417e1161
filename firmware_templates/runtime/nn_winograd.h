/*
 * The parts of the exact integer Winograd convolution F(4x4, 3x3): 4x4 outputs of a 6x6 tile of the
 * input take 36 products instead of 144.
 *
 *   u = G w G'    of a filter's 3x3 weights; the rows of G are scaled to integers:
 *                 [6 0 0] [1 1 1] [1 -1 1] [1 2 4] [1 -2 4] [0 0 6]
 *   v = B' x B    of a tile; rows [4 0 -5 0 1 0] [0 -4 -4 1 1 0] [0 4 -4 -1 1 0] [0 -2 -1 2 1 0]
 *                 [0 2 -1 -2 1 0] [0 4 0 -5 0 1]
 *   m = sum of u v over the input channels, at each of the 36 positions by itself
 *   y = A' m A    rows [1 -4 -4 1 1 0] [0 -2 2 1 -1 0] [0 -1 -1 1 1 0] [0 -1 1 2 -2 1]
 *
 * int8 weights and inputs give |u| <= 6272 and |v| <= 12800, so both fit int16. y(i, j) is the
 * exact convolution times f(i) f(j), f = 24, 12, 6, 6: nine times a power of two. All 32-bit sums
 * may wrap; the inverse of nine modulo 2^32 and an arithmetic shift right give the convolution,
 * exactly while it is below 2^25 in magnitude.
 *
 * Layouts, in words of 32 bits; a pair is two channels of the input as int16, those of four
 * channels c lie as c, c + 2 and c + 1, c + 3 (SXTB16 widens them so): v  [pair][36 positions][2
 * tiles]              u  [pair][36 positions][4 output channels] m  [36 positions][2 tiles][4
 * output channels]
 */
#ifndef NN_WINOGRAD_H
#define NN_WINOGRAD_H

#include <stdint.h>

#include "nn_dsp.h"
#include "nn_winograd_layout.h"

/* m of two tiles and four output channels. `pairs` is half the number of input channels. The
 * functions differ in what `pairs` may be: 2; 8; a multiple of 8 from 16; a multiple of 2 from 4.
 */
typedef void nn_winograd_gemm_function(const uint32_t *v, const uint32_t *u, int32_t *m,
                                       int32_t pairs);

nn_winograd_gemm_function nn_winograd_gemm_2;
nn_winograd_gemm_function nn_winograd_gemm_8;
nn_winograd_gemm_function nn_winograd_gemm_8n;
nn_winograd_gemm_function nn_winograd_gemm_2n;

/* v of one 6x6 tile. `first` is its first row, `second` its second; the others follow, `row` bytes
 * from row to row; `channels` bytes from pixel to pixel. `v` points at the tile's word of the first
 * position. */
void nn_winograd_input(const int8_t *first, const int8_t *second, int32_t row, int32_t channels,
                       uint32_t *v);

/* u of one output channel from its weights, 3 x 3 x channels. `u` points at the channel's word of
 * the first position. */
void nn_winograd_weights(const int8_t *weights, int32_t channels, uint32_t *u);

/* Bytes from pixel to pixel and from row to row of an output. */
typedef struct {
    int32_t pixel, row;
} nn_winograd_steps;

/* The codes of 4x4 pixels and four channels from m, which points at the tile's first channel.
 * `requantize` has for each channel: twice the bias (zero point folded in), multiplier, rounding
 * and shift, as nn_requantize_doubled takes them. The _relu form needs an output zero point of
 * -128. */
typedef void nn_winograd_output_function(const int32_t *m, const int32_t *requantize, int8_t *out,
                                         const nn_winograd_steps *steps);

nn_winograd_output_function nn_winograd_output;
nn_winograd_output_function nn_winograd_output_relu;

#endif
