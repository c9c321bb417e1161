/*
 * Depthwise 2-D convolution, float32, results as nn_float.h says.
 *
 * Input and output are NHWC with batch 1; out_c is a multiple of in_c (the channel multiplier).
 * weights: for each 4 output channels, missing ones filled up with zeros, all taps (height, width),
 * as in nn_mac_f32.h; pixel knows their type. bias has out_c entries. Taps outside the image are
 * left out. Aliasing: out may lie over in where a pixel's outputs are behind all that it and those
 * after it read. Scratch: none.
 */
#ifndef NN_DEPTHWISE_CONV2D_F32_H
#define NN_DEPTHWISE_CONV2D_F32_H

#include <stdint.h>

struct nn_depthwise_conv2d_f32;

/* Taps of a window inside the image: `rows` rows of `count`; the steps of the weights are taps. */
typedef struct {
    int32_t rows, count;
    int32_t in_step, in_row_step;
    int32_t weight_row_step;
} nn_depthwise_taps_f32;

/* All channels of an output pixel; in and weights are at the first tap. */
typedef void nn_depthwise_pixel_f32_function(const struct nn_depthwise_conv2d_f32 *p,
                                             const nn_depthwise_taps_f32 *taps, const float *in,
                                             const char *weights, float *out);

nn_depthwise_pixel_f32_function nn_depthwise_pixel_f32;      /* float32 weights */
nn_depthwise_pixel_f32_function nn_depthwise_pixel_f32_f16;  /* float16 weights */
nn_depthwise_pixel_f32_function nn_depthwise_pixel_f32_bf16; /* bfloat16 weights */

typedef struct nn_depthwise_conv2d_f32 {
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t group_bytes; /* of the weights of 4 output channels */
    int32_t tap_bytes;   /* of one tap of these */
    float act_min, act_max;
    nn_depthwise_pixel_f32_function *pixel;
    const void *weights;
    const float *bias;
} nn_depthwise_conv2d_f32_params;

void nn_depthwise_conv2d_f32(const nn_depthwise_conv2d_f32_params *p, const float *in, float *out);

#endif
