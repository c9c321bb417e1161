/*
 * Fully connected layer with paired-byte weights, for cores with the DSP extension and an FPU.
 * Input and output as nn_fully_connected.h says. Aliasing: out must not overlap in.
 * Scratch, aligned to 4: one row of the input as int16, 4 * shape.pairs bytes. The direct form, a
 * little slower, has none: it widens the input again for each group of eight channels. There out_c
 * is a multiple of eight and in_c of four.
 *
 * Weights, for each group of eight output channels, then for each group of four that remains (the
 * last one filled up with zeros): for each two channels c, c + 1 the words bias c and
 * bias c + 256 bias (c+1); for each pair of K a word for each two channels, whose half-words are
 * 256 w(c+1) + w(c) of the pair's two rows; where constants are per channel, multiplier and
 * half_shift of the channels c + 1, c for each two.
 * K is in_c padded to a multiple of four; the rows of four k come in the order k, k + 2, k + 1,
 * k + 3, which is how SXTB16 widens a word of four bytes. Zero points are folded into the bias.
 *
 * Exact while |sum + bias| < 2^23 for the odd channels, < 2^30 for the even ones, and the right
 * shift of the requantization is in 1 to 22. The _relu kernels need an output zero point of -128
 * and clamp there.
 */
#ifndef NN_FULLY_CONNECTED_DSP_H
#define NN_FULLY_CONNECTED_DSP_H

#include <stddef.h>
#include <stdint.h>

#include "nn_dsp.h"
#include "nn_fully_connected_layout.h"

typedef struct {
    int32_t pairs;      /* half of K */
    int32_t groups;     /* of eight output channels */
    int32_t offset;     /* 2 * output zero point + 1: the rounding constant, before half_shift */
    int32_t multiplier; /* of all channels, where constants are not per channel */
    int32_t half_shift; /* the right shift of all channels, less one */
} nn_fully_connected_shape;

typedef char nn_fully_connected_layout_is_right
    [offsetof(nn_fully_connected_shape, pairs) == NN_FULLY_CONNECTED_PAIRS &&
             offsetof(nn_fully_connected_shape, groups) == NN_FULLY_CONNECTED_GROUPS &&
             offsetof(nn_fully_connected_shape, offset) == NN_FULLY_CONNECTED_OFFSET &&
             offsetof(nn_fully_connected_shape, multiplier) == NN_FULLY_CONNECTED_MULTIPLIER &&
             offsetof(nn_fully_connected_shape, half_shift) == NN_FULLY_CONNECTED_HALF_SHIFT
         ? 1
         : -1];

/* The groups of eight, at least one, of one row; returns the end of their weights. x is the row as
 * int16, for the direct form as int8. */
typedef const uint32_t *nn_fully_connected_function(const void *x, const uint32_t *weights,
                                                    int8_t *out,
                                                    const nn_fully_connected_shape *shape);

nn_fully_connected_function nn_fully_connected_1x8_channel;
nn_fully_connected_function nn_fully_connected_1x8_channel_relu;
nn_fully_connected_function nn_fully_connected_1x8_tensor;
nn_fully_connected_function nn_fully_connected_1x8_tensor_relu;
nn_fully_connected_function nn_fully_connected_1x8_direct_channel;
nn_fully_connected_function nn_fully_connected_1x8_direct_channel_relu;
nn_fully_connected_function nn_fully_connected_1x8_direct_tensor;
nn_fully_connected_function nn_fully_connected_1x8_direct_tensor_relu;

typedef struct {
    int32_t rows, in_c, out_c;
    int32_t act_min, act_max;
    int32_t per_channel;
    nn_fully_connected_shape shape;
    nn_fully_connected_function *kernel; /* not called when shape.groups is 0 */
    const uint32_t *weights;
} nn_fully_connected_dsp_params;

void nn_fully_connected_s8_dsp(const nn_fully_connected_dsp_params *p, const int8_t *in,
                               int8_t *out, int8_t *scratch);
void nn_fully_connected_s8_direct(const nn_fully_connected_dsp_params *p, const int8_t *in,
                                  int8_t *out);

#endif
