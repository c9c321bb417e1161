/*
 * 2-D convolution, int8, TFLite semantics.
 *
 * Input and output are NHWC with batch 1, weights are OHWI (depthwise: HWO), all int8; weights are
 * symmetric. bias, multiplier and shift have out_c entries. Taps outside the image count as zero.
 * Range: the int32 accumulator must hold the sum of out-of-range-free products, as in TFLite.
 * Aliasing: outputs are written pixel by pixel, over nothing of in that is still to be read.
 * Scratch: none.
 */
#ifndef NN_CONV2D_H
#define NN_CONV2D_H

#include <stdint.h>

typedef struct {
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t in_zero_point, out_zero_point;
    int32_t act_min, act_max;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} nn_conv2d_params;

void nn_conv2d_s8(const nn_conv2d_params *p, const int8_t *in, int8_t *out);

#endif
