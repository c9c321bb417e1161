/*
 * 2-D convolution in groups of channels, with weights that may be made by the network, TFLite
 * semantics: of int8, of int16 with int8 weights and of float32.
 *
 * Input and output are NHWC with batch 1, weights are OHWI with the channels of one group; each
 * group_out output channels see the next group_in input channels. Taps outside the image are left
 * out. bias and what rescales have an entry for each output channel; weights have zero point 0. A
 * fully connected layer is a convolution of 1x1 over a row of pixels.
 * Aliasing: out must not overlap in or weights. Scratch: none.
 */
#ifndef NN_CONV2D_GENERAL_H
#define NN_CONV2D_GENERAL_H

#include <stdint.h>

typedef struct {
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t group_in, group_out;
} nn_conv2d_general_shape;

typedef struct {
    nn_conv2d_general_shape shape;
    int32_t in_zero_point, out_zero_point;
    int32_t act_min, act_max;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} nn_conv2d_general_params;

/* factor and shift are those of nn_requantize_wide.h. */
typedef struct {
    nn_conv2d_general_shape shape;
    int32_t act_min, act_max;
    const int64_t *bias;
    const int32_t *factor;
    const int8_t *shift;
} nn_conv2d_general_s16_params;

typedef struct {
    nn_conv2d_general_shape shape;
    float act_min, act_max;
    const float *bias;
} nn_conv2d_general_f32_params;

void nn_conv2d_general_s8(const nn_conv2d_general_params *p, const int8_t *in,
                          const int8_t *weights, int8_t *out);
void nn_conv2d_general_s16(const nn_conv2d_general_s16_params *p, const int16_t *in,
                           const int8_t *weights, int16_t *out);
/* int32 biases and sums, rescaled as those of int8; zero points are 0. */
void nn_conv2d_general_s16_narrow(const nn_conv2d_general_params *p, const int16_t *in,
                                  const int8_t *weights, int16_t *out);
void nn_conv2d_general_f32(const nn_conv2d_general_f32_params *p, const float *in,
                           const float *weights, float *out);

#endif
