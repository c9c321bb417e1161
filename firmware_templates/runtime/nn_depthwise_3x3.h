/*
 * Depthwise 3x3 convolution, int8, channel multiplier 1, no dilation, stride 1 or 2 along both
 * axes, for cores with the DSP extension and an FPU. Input and output as nn_conv2d.h says; every
 * output code is in -128 to 127 (no other clamp) and there are at least four channels.
 *
 * "Rows" and "columns" are the image's, or its columns and rows: the caller says by the steps (in
 * bytes) which is which. Long columns and few rows are faster.
 *
 * Four channels at a time, rows are packed into a strip: a word holds two rows of one column and
 * one channel as int16. It lies at ((column * 4) + channel) * NN_DEPTHWISE_SLOTS + slot; slot s
 * holds rows 2 s and 2 s + 1, counted from the first row that the strip's first output row reads.
 * Two rows of outputs come from two slots (stride 1) or three (stride 2).
 *
 * Weights, for each channel 5 words: bytes w00 w01 w10 w11, w10 w11 w20 w21, w02 shift w12 w22,
 * then twice the bias with the zero point folded in, and the multiplier. Exact while
 * |sum + bias| < 2^30 and 1 <= shift <= 22.
 *
 * The _floor forms have 256 times the bias, a factor instead of the multiplier and a signed byte
 * `more` instead of the shift:
 *
 *     code = (256 (sum + bias) * factor + (zero_term + more << 32)) >> (32 + FLOOR_SHIFT)
 *
 * and |sum + bias| < 2^23. Who packs them has proved the codes equal.
 *
 * Aliasing: out may be in when stride is 1, the shapes are the same and the number of channels is a
 * multiple of four. Scratch, aligned to 4: the strip.
 */
#ifndef NN_DEPTHWISE_3X3_H
#define NN_DEPTHWISE_3X3_H

#include <stddef.h>
#include <stdint.h>

#include "nn_depthwise_3x3_layout.h"

/* What one strip makes: outputs of four channels. */
typedef struct {
    int32_t rows;        /* at least 1 */
    int32_t columns;     /* at least 1 */
    int32_t row_step;    /* bytes from output to output */
    int32_t column_step; /* bytes */
    int32_t zero_term; /* 2 * zero point + 1, which shifted by (shift - 1) is the rounding constant;
                        * _floor: that shifted by (NN_DEPTHWISE_FLOOR_SHIFT - 1) */
} nn_depthwise_tile;

/* The columns of two rows that are packed, and the bytes from one to the next. */
typedef struct {
    int32_t columns;    /* at least 1 */
    int32_t upper_step; /* 0 repeats a row's first four bytes */
    int32_t lower_step;
} nn_depthwise_run;

typedef char nn_depthwise_layout_is_right
    [offsetof(nn_depthwise_tile, rows) == NN_DEPTHWISE_ROWS &&
             offsetof(nn_depthwise_tile, columns) == NN_DEPTHWISE_COLUMNS &&
             offsetof(nn_depthwise_tile, row_step) == NN_DEPTHWISE_ROW_STEP &&
             offsetof(nn_depthwise_tile, column_step) == NN_DEPTHWISE_COLUMN_STEP &&
             offsetof(nn_depthwise_tile, zero_term) == NN_DEPTHWISE_ZERO_TERM &&
             offsetof(nn_depthwise_run, columns) == NN_DEPTHWISE_RUN_COLUMNS &&
             offsetof(nn_depthwise_run, upper_step) == NN_DEPTHWISE_UPPER_STEP &&
             offsetof(nn_depthwise_run, lower_step) == NN_DEPTHWISE_LOWER_STEP
         ? 1
         : -1];

typedef void nn_depthwise_function(const uint32_t *strip, const uint32_t *weights, int8_t *out,
                                   const nn_depthwise_tile *tile);

nn_depthwise_function nn_depthwise_s8_3x3;
nn_depthwise_function nn_depthwise_s8_3x3_floor;
nn_depthwise_function nn_depthwise_s8_3x3_stride2;
nn_depthwise_function nn_depthwise_s8_3x3_stride2_floor;

/* Four channels of two rows, into a slot that begins at `word`. */
void nn_depthwise_pack(const int8_t *upper, const int8_t *lower, uint32_t *word,
                       const nn_depthwise_run *run);

typedef struct {
    int32_t channels;
    int32_t in_rows, in_columns;
    int32_t in_row_step, in_column_step; /* bytes */
    int32_t pad_rows, pad_columns;       /* before the first row and column */
    int32_t stride;
    int32_t in_zero_point;
    nn_depthwise_tile tile; /* of the whole output */
    nn_depthwise_function *kernel;
    const uint32_t *weights;
} nn_depthwise_3x3_params;

void nn_depthwise_conv2d_s8_3x3(const nn_depthwise_3x3_params *p, const int8_t *in, int8_t *out,
                                int8_t *scratch);

#endif
