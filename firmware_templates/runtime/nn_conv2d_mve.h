/*
 * 2-D convolution as matrix products over rows of output pixels, for cores with Helium (MVE). Input
 * and output as nn_conv2d.h says; weights as nn_gemm_mve.h says. Aliasing: out must not overlap in.
 *
 * For each row of outputs the window's rows are spread in scratch: of each, `count` pieces of
 * `piece` bytes, whose starts lie from_step bytes apart in the image and to_step bytes in scratch.
 * Two forms make the columns of neighbouring pixels contiguous there:
 * - a piece is a pixel of the image and the window's rows lie side by side, so that windows
 * overlap: K runs over columns, rows, channels; to_step is kernel_h * in_c;
 * - a piece is a row of one window: K runs over rows, columns, channels; to_step is K. With
 * dilation it is a tap of that row: `taps` pieces, tap_step bytes apart in the image. Scratch:
 * count * to_step bytes, and where windows leave the image those of a row with its border.
 */
#ifndef NN_CONV2D_MVE_H
#define NN_CONV2D_MVE_H

#include <stdint.h>

#include "nn_gemm_mve.h"

typedef struct {
    int32_t in_h;
    int32_t in_pitch; /* bytes of a row of the image */
    int32_t out_h, out_w;
    int32_t kernel_h, stride_h, dilation_h, pad_top;
    int32_t left_bytes, inner_bytes, right_bytes; /* of a row that windows reach, with its border */
    int32_t in_zero_point;
    int32_t piece, count, from_step, to_step;
    int32_t taps, tap_step; /* 1 and 0 without dilation */
    int32_t act_min, act_max;
    nn_gemm_mve_function *kernel;
    nn_gemm_mve gemm;
} nn_conv2d_mve_params;

void nn_conv2d_s8_mve(const nn_conv2d_mve_params *p, const int8_t *in, int8_t *out,
                      int8_t *scratch);

#endif
