/*
 * Convolution, depthwise convolution and fully connected layers with int16 activations and int8
 * weights, TFLite semantics: all zero points are 0, bias and sums are int64.
 *
 * Input and output are NHWC with batch 1. bias, factor and shift (nn_requantize_wide.h) have out_c
 * entries. Taps outside the image are left out. A fully connected layer is a convolution of 1x1
 * over a row of pixels. Aliasing: out may lie over in where a pixel's outputs are behind all that
 * it and those after it read. Scratch: none.
 */
#ifndef NN_CONV2D_S16_H
#define NN_CONV2D_S16_H

#include <stdint.h>

typedef struct {
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t act_min, act_max;
    const int8_t *weights;
    const int64_t *bias;
    const int32_t *factor;
    const int8_t *shift;
} nn_conv2d_s16_params;

/* weights are OHWI. */
void nn_conv2d_s16(const nn_conv2d_s16_params *p, const int16_t *in, int16_t *out);

/* weights are HWO, out_c is a multiple of in_c. */
void nn_depthwise_conv2d_s16(const nn_conv2d_s16_params *p, const int16_t *in, int16_t *out);

/* The same when out_c is in_c and no sum without bias leaves int32. */
void nn_depthwise_conv2d_s16_narrow(const nn_conv2d_s16_params *p, const int16_t *in, int16_t *out);

/*
 * For cores with the DSP extension, when no sum without bias leaves int32 and dilation_w is 1.
 *
 * weights: for each 4 output channels, missing ones filled up with zeros, and each row of the
 * kernel, its taps filled up with zeros to a multiple of 4: for each 4 taps the 4 channels, each
 * with its weights of taps 0, 2, 1 and 3, so that widening bytes 0 and 2, and 1 and 3, gives
 * neighbours.
 */
void nn_conv2d_s16_dsp(const nn_conv2d_s16_params *p, const int16_t *in, int16_t *out);

#endif
