/*
 * 2-D convolution of three output pixels and four channels at a time, as nn_threes.h packs them.
 *
 * Input and output as nn_conv2d.h says, without horizontal dilation. Weights, for each group of
 * four output channels: k x 4 bytes, w + 128, where k is kernel_h * kernel_w * in_c rounded up to a
 * multiple of four with weights of zero, and channels behind the last have weights and a bias of
 * zero.
 * The input's zero point is folded into the bias. Each part of K, `part` columns but for the last,
 * has sums within 21 bits for every input; sums are requantized by nn_requantize_right.
 * Aliasing: the outputs of three pixels are written when their windows were read, over nothing of
 * in that is still to be read. Scratch, aligned to 4: for each part its words (nn_threes.h), then
 * where windows leave the image 3 * kernel_w * in_c bytes.
 */
#ifndef NN_CONV2D_THREES_H
#define NN_CONV2D_THREES_H

#include "nn_store_codes.h"

typedef struct {
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t k, part; /* multiples of four */
    const uint8_t *weights;
    const int32_t *bias;
    nn_codes codes;
} nn_conv2d_threes_params;

void nn_conv2d_s8_threes(const nn_conv2d_threes_params *p, const int8_t *in, int8_t *out,
                         int8_t *scratch);

#endif
