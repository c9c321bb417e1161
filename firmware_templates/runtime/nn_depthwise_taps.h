/*
 * Depthwise convolution of any window, int8, channel multiplier 1, for cores with the DSP extension
 * and an FPU. Input and output as nn_conv2d.h says; every output code is in -128 to 127 (no other
 * clamp) and there are at least four channels.
 *
 * Four channels at a time, straight from the image. Windows that leave the image are gathered
 * first. "Rows" and "columns" are the image's, or its columns and rows: the caller says by the
 * steps (in bytes) which is which.
 *
 * Weights, for each four channels: a word of their shifts, four biases with the zero point folded
 * in, four multipliers, and for each tap, row by row, a word of four int8. Exact while
 * |sum + bias| < 2^30 and 1 <= shift <= 22. The _relu form needs an output zero point of -128.
 *
 * Aliasing: out must not overlap in. Scratch, aligned to 4: four bytes for each tap.
 */
#ifndef NN_DEPTHWISE_TAPS_H
#define NN_DEPTHWISE_TAPS_H

#include <stddef.h>
#include <stdint.h>

#include "nn_depthwise_taps_layout.h"

/* Windows side by side. All steps in bytes. */
typedef struct {
    int32_t outputs;   /* at least 1 */
    int32_t in_step;   /* from window to window */
    int32_t out_step;  /* from output to output */
    int32_t rows;      /* of the kernel */
    int32_t columns;   /* of the kernel */
    int32_t row_step;  /* from a row of the window to the next */
    int32_t tap_step;  /* in a row */
    int32_t zero_term; /* 2 * zero point + 1; shifted by (shift - 1) it is the rounding constant */
} nn_depthwise_window;

typedef char nn_depthwise_taps_layout_is_right
    [offsetof(nn_depthwise_window, outputs) == NN_DEPTHWISE_TAPS_OUTPUTS &&
             offsetof(nn_depthwise_window, in_step) == NN_DEPTHWISE_TAPS_IN_STEP &&
             offsetof(nn_depthwise_window, out_step) == NN_DEPTHWISE_TAPS_OUT_STEP &&
             offsetof(nn_depthwise_window, rows) == NN_DEPTHWISE_TAPS_ROWS &&
             offsetof(nn_depthwise_window, columns) == NN_DEPTHWISE_TAPS_COLUMNS &&
             offsetof(nn_depthwise_window, row_step) == NN_DEPTHWISE_TAPS_ROW_STEP &&
             offsetof(nn_depthwise_window, tap_step) == NN_DEPTHWISE_TAPS_STEP &&
             offsetof(nn_depthwise_window, zero_term) == NN_DEPTHWISE_TAPS_ZERO_TERM
         ? 1
         : -1];

/* Outputs of four channels; `in` is the first window's corner. */
typedef void nn_depthwise_taps_function(const int8_t *in, const uint32_t *weights, int8_t *out,
                                        const nn_depthwise_window *window);

nn_depthwise_taps_function nn_depthwise_s8_taps;
nn_depthwise_taps_function nn_depthwise_s8_taps_relu;

/* Along one axis. */
typedef struct {
    int32_t in_size, out_size;
    int32_t in_step, out_step; /* bytes */
    int32_t pad, stride, dilation;
    int32_t inside, outside; /* the first output whose window is in the image, and the next not */
} nn_depthwise_axis;

typedef struct {
    int32_t channels;
    nn_depthwise_axis rows, columns;
    int32_t in_zero_point;
    nn_depthwise_window window; /* outputs: 1 */
    nn_depthwise_taps_function *kernel;
    const uint32_t *weights;
} nn_depthwise_taps_params;

void nn_depthwise_conv2d_s8_taps(const nn_depthwise_taps_params *p, const int8_t *in, int8_t *out,
                                 int8_t *scratch);

#endif
