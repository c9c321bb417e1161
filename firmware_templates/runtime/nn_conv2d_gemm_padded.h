/*
 * 2-D convolution as nn_conv2d_gemm.h does it, on a copy of the input with its border of zero
 * points: no window leaves the image. `inner` describes the copy, the other fields the input.
 * Aliasing: out may lie over in. Scratch, aligned to 4: the copy, rounded up to a multiple of four,
 * then what nn_conv2d_gemm.h asks for.
 */
#ifndef NN_CONV2D_GEMM_PADDED_H
#define NN_CONV2D_GEMM_PADDED_H

#include <stdint.h>

#include "nn_conv2d_gemm.h"

typedef struct {
    int32_t in_h, in_w;
    int32_t pad_top, pad_left;
    nn_conv2d_gemm_params inner;
} nn_conv2d_gemm_padded_params;

void nn_conv2d_s8_gemm_padded(const nn_conv2d_gemm_padded_params *p, const int8_t *in, int8_t *out,
                              int8_t *scratch);

#endif
