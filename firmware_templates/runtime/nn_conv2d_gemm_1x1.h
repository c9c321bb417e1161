/*
 * 1x1 convolution of neighbouring pixels (stride 1, no padding) as nn_conv2d_gemm.h does it. in_c
 * is a multiple of four, or one more. Aliasing as there. Scratch, aligned to 4: 8 bytes for each
 * pair of K.
 */
#ifndef NN_CONV2D_GEMM_1X1_H
#define NN_CONV2D_GEMM_1X1_H

#include <stdint.h>

#include "nn_gemm.h"

typedef struct {
    int32_t pixels, in_c, out_c;
    nn_gemm_shape shape;
    nn_gemm_function *gemm;
    const uint32_t *weights;
} nn_conv2d_gemm_1x1_params;

void nn_conv2d_s8_gemm_1x1(const nn_conv2d_gemm_1x1_params *p, const int8_t *in, int8_t *out,
                           int8_t *scratch);

#endif
