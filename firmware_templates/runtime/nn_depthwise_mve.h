/*
 * Depthwise convolution for cores with Helium (MVE): all taps of a window are one vector, so that a
 * VMLADAV is a window's sum. No channel multiplier, no dilation.
 *
 * A strip in scratch holds up to 16 channels in words of four bytes, 16 words for a column: byte r
 * of word c is row r of channel c. Four words 64 bytes apart are a vector: four rows of four
 * columns. That is more than a window of 3x3: with its taps moved by a row, a column, or both, one
 * vector gives four outputs, a tile. A kernel of one row or column has its line in the strip, four
 * pixels to a word, and its taps moved by one to three pixels give four outputs.
 *
 * weights   weights_step bytes for each channel; a window's 16 bytes begin `lead` bytes behind the
 *           channel's first, and what lies before and behind the taps is zero:
 *           nn_depthwise_s8_mve_2x2    5 4 1 0: window, a row below, a column on, both;
 *           nn_depthwise_s8_mve_line   3 2 1 0: window, one, two, three pixels on;
 *           nn_depthwise_s8_mve_apart  0: four windows two columns apart, each from its own vector.
 * numbers   For each channel bias, multiplier, 2^(e - 1) + (zero point << e), 24 - e: e is the
 * shift to the right. The input's zero point is folded into the bias.
 *
 * Exact for sums within 32 bits and e of 1 to 22. The _relu forms need an output zero point of -128
 * and clamp there. Aliasing: out may be in where both have the same shape.
 */
#ifndef NN_DEPTHWISE_MVE_H
#define NN_DEPTHWISE_MVE_H

#include <stddef.h>
#include <stdint.h>

#include "nn_depthwise_mve_layout.h"

#define NN_DEPTHWISE_MVE_COLUMN 64 /* bytes of a column in the strip */
#define NN_DEPTHWISE_MVE_BLOCK  16 /* channels of a strip */

/* What a kernel computes of each channel: `tiles` of four outputs, then `masked` tiles of which
 * only the outputs in `mask` exist: bits 4 i to 4 i + 3 for output i. */
typedef struct {
    int32_t offsets[4];   /* of the outputs of a tile, in bytes */
    int32_t out_step;     /* from one tile's outputs to the next one's */
    int32_t weights_step; /* from one channel's weights to the next one's */
    int32_t tiles, masked;
    int32_t mask;
} nn_depthwise_mve_tile;

typedef char nn_depthwise_mve_layout_is_right
    [offsetof(nn_depthwise_mve_tile, out_step) == NN_DEPTHWISE_MVE_OUT_STEP &&
             offsetof(nn_depthwise_mve_tile, weights_step) == NN_DEPTHWISE_MVE_WEIGHTS_STEP &&
             offsetof(nn_depthwise_mve_tile, tiles) == NN_DEPTHWISE_MVE_TILES &&
             offsetof(nn_depthwise_mve_tile, masked) == NN_DEPTHWISE_MVE_MASKED &&
             offsetof(nn_depthwise_mve_tile, mask) == NN_DEPTHWISE_MVE_MASK
         ? 1
         : -1];

/* channels >= 1 of them, from the strip's first on. */
typedef void nn_depthwise_mve_function(const nn_depthwise_mve_tile *tile, const int8_t *strip,
                                       int8_t *out, const int8_t *weights, const int32_t *numbers,
                                       int32_t channels);

nn_depthwise_mve_function nn_depthwise_s8_mve_2x2;
nn_depthwise_mve_function nn_depthwise_s8_mve_2x2_relu;
nn_depthwise_mve_function nn_depthwise_s8_mve_line;
nn_depthwise_mve_function nn_depthwise_s8_mve_line_relu;
nn_depthwise_mve_function nn_depthwise_s8_mve_apart;
nn_depthwise_mve_function nn_depthwise_s8_mve_apart_relu;

/* Four rows of pixels, and the bytes from each pixel to the next. */
typedef struct {
    const int8_t *row[4];
    int32_t step[4];
} nn_depthwise_mve_rows;

/* Makes `count` >= 1 columns of four rows, of 1 to 16 channels. */
void nn_depthwise_mve_fill(const nn_depthwise_mve_rows *rows, int8_t *strip, int32_t count,
                           int32_t channels);

/* The same from the strip's own rows 2 and 3, and the rows 2 and 3 that are given. */
void nn_depthwise_mve_advance(const nn_depthwise_mve_rows *rows, int8_t *strip, int32_t count,
                              int32_t channels);

/* What the kernels of windows and of lines share. Rows and columns may be the image's columns and
 * rows; steps are in bytes. */
typedef struct {
    int32_t channels;
    int32_t in_rows, in_columns, in_row_step, in_column_step;
    int32_t pad_rows, pad_columns;
    int32_t in_zero_point;
    int32_t rows, columns, row_step, column_step; /* of the output */
    int32_t outputs;                              /* all of them, for the clamp */
    int32_t act_min, act_max;
    nn_depthwise_mve_tile tile;
    nn_depthwise_mve_function *kernel;
    const int8_t *weights;
    const int32_t *numbers;
} nn_depthwise_mve_image;

/* Windows of at most 3x3 with stride 1, two rows of outputs at once, or of at most 4x4 with a
 * column stride of 2, one row at once. Scratch: strip_columns * 64 + 16 bytes. */
typedef struct {
    nn_depthwise_mve_image image;
    int32_t at_once, row_stride;
    int32_t strip_columns;
    int32_t inside; /* of them, how many are the image's */
} nn_depthwise_mve_params;

/* Kernels of one column, of at most 13 rows, or of k rows where k + outputs is at most 17. Scratch:
 * words * 64 + 16 bytes. */
typedef struct {
    nn_depthwise_mve_image image;
    int32_t words; /* of the line, with its border: four pixels each */
} nn_depthwise_mve_line_params;

void nn_depthwise_conv2d_s8_mve(const nn_depthwise_mve_params *p, const int8_t *in, int8_t *out,
                                int8_t *scratch);
void nn_depthwise_conv2d_s8_mve_line(const nn_depthwise_mve_line_params *p, const int8_t *in,
                                     int8_t *out, int8_t *scratch);

#endif
