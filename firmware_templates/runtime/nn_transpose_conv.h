/*
 * Transposed 2-D convolution, TFLite semantics, of int8, of int16 with int8 weights and of float32.
 *
 * Each output pixel gathers what reaches it: along an axis every stride-th tap. Parameters are
 * those of convolutions, read as of one over the output that makes the input; dilation is not
 * looked at. The weights' kernels are turned by half a turn, so that taps ascend with the inputs
 * that they are for. Aliasing: out must not overlap in. Scratch: none.
 */
#ifndef NN_TRANSPOSE_CONV_H
#define NN_TRANSPOSE_CONV_H

#include <stdint.h>

#include "nn_conv2d.h"
#include "nn_conv2d_f32.h"
#include "nn_conv2d_s16.h"

/* The inputs of one axis that reach an output, and the tap of the first one. */
typedef struct {
    int32_t first, end, tap;
} nn_reach;

/* Of the output that lies `at` behind where the first input's window begins. */
static inline nn_reach nn_reach_of(int32_t at, int32_t kernel, int32_t stride, int32_t extent)
{
    nn_reach r;
    r.first = at < kernel ? 0 : (at - kernel) / stride + 1;
    r.end = at / stride < extent ? at / stride + 1 : extent;
    r.tap = kernel - 1 - at + r.first * stride;
    return r;
}

void nn_transpose_conv_s8(const nn_conv2d_params *p, const int8_t *in, int8_t *out);
void nn_transpose_conv_s16(const nn_conv2d_s16_params *p, const int16_t *in, int16_t *out);
void nn_transpose_conv_f32(const nn_conv2d_f32_params *p, const float *in, float *out);

/*
 * For cores with the DSP extension, when every shift is one of 1 to 22 to the right and every sum
 * is below 2^30 in size. weights: for each 4 output channels, missing ones filled up with zeros,
 * and each tap its input channels, filled up with zeros to a multiple of 4: for each 4 of these the
 * 4 output channels in turn.
 */
void nn_transpose_conv_s8_dsp(const nn_conv2d_params *p, const int8_t *in, int8_t *out);

#endif
