/*
 * 2-D convolution and fully connected layers, float32, results as nn_float.h says.
 *
 * Input and output are NHWC with batch 1. weights are those of nn_mac_f32.h: for each 4 output
 * channels, missing ones filled up with zeros, all taps (height, width, input channels); mac knows
 * their type. bias has out_c entries. Taps outside the image are left out.
 * A fully connected layer is a convolution of 1x1 over a row of pixels.
 * Aliasing: out may lie over in where 4 * out_c floats behind a pixel, all that it still reads is
 * behind. Scratch: none.
 */
#ifndef NN_CONV2D_F32_H
#define NN_CONV2D_F32_H

#include <stdint.h>

#include "nn_mac_f32.h"

typedef struct {
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t group_bytes; /* of the weights of 4 output channels */
    int32_t tap_bytes;   /* of one tap of these */
    float act_min, act_max;
    nn_mac_f32_function *mac;
    const void *weights;
    const float *bias;
} nn_conv2d_f32_params;

void nn_conv2d_f32(const nn_conv2d_f32_params *p, const float *in, float *out);

#endif
