/*
 * 2-D convolution as a matrix product over pairs of output pixels, for cores with the DSP extension
 * and an FPU. Input and output as nn_conv2d.h says, without horizontal dilation; weights as
 * nn_gemm.h says. out_c is a multiple of four and every output code is in -128 to 127 (no other
 * clamp). Aliasing: the outputs of a pair of pixels are written when both windows were read, over
 * nothing of in that is still to be read.
 *
 * The rows of a window have kernel_w * in_c bytes. Windows are read where they are when that is a
 * multiple of four or one more, and when they do not leave the image. Others are copied: row by row
 * in turn when rows are what `shape` says, else each as one long row, padded to whole words.
 *
 * Scratch, aligned to 4: 8 bytes for each pair of K, and from `copies` on two windows if any is
 * copied. When rows are whole words the copies may begin at (2 kernel_h + 1) * kernel_w * in_c
 * already: the columns, four bytes for a byte, do not catch up with what is read, two.
 */
#ifndef NN_CONV2D_GEMM_H
#define NN_CONV2D_GEMM_H

#include <stdint.h>

#include "nn_gemm.h"

typedef struct {
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t copies; /* offset of copied windows in scratch */
    nn_gemm_shape shape;
    nn_gemm_function *gemm;
    const uint32_t *weights;
} nn_conv2d_gemm_params;

void nn_conv2d_s8_gemm(const nn_conv2d_gemm_params *p, const int8_t *in, int8_t *out,
                       int8_t *scratch);

#endif
