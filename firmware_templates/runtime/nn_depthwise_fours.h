/*
 * Depthwise 2-D convolution of four channels at a time, for cores without the DSP extension.
 *
 * Input and output as nn_conv2d.h says, with as many channels out as in, at least four. Weights,
 * for each four channels, of which the last overlap those before when channels are not a multiple
 * of four: four bytes for each tap. The input's zero point is folded into the bias; sums
 * are requantized by nn_requantize_right.
 * Aliasing: out may be in when saved_rows is pad_top + 1, the stride 1 and the shapes equal.
 * Scratch, aligned to 4: a pointer for each tap, saved_rows rows of the input, and in_c bytes.
 */
#ifndef NN_DEPTHWISE_FOURS_H
#define NN_DEPTHWISE_FOURS_H

#include "nn_store_codes.h"

typedef struct {
    int32_t in_h, in_w, channels;
    int32_t out_h, out_w;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t saved_rows; /* copied before output overwrites them */
    const int8_t *weights;
    const int32_t *bias;
    nn_codes codes;
} nn_depthwise_fours_params;

void nn_depthwise_conv2d_s8_fours(const nn_depthwise_fours_params *p, const int8_t *in, int8_t *out,
                                  int8_t *scratch);

#endif
