/*
 * Fully connected layer whose weights are all `least` + `step` times a digit of one, two or four
 * bits (two, four and sixteen weights that are equally far apart: binary, ternary, int4), for cores
 * with the DSP extension.
 *
 * Input and output as nn_fully_connected.h says. Weights, for each four output channels: for each
 * 32 / bits inputs a word for each channel, then, when inputs are left that do not fill eight, a
 * word for each channel again. A half-word of a word holds digits from the lowest bits on. Each
 * eight inputs k take four digits: the low half-word those of k, k + 1, k + 4 and k + 5, the high
 * one those of k + 2, k + 3, k + 6 and k + 7. Inputs behind the last have any digit, as have
 * channels.
 * One AND leaves the digits of two inputs as half-words, which SMLAD multiplies. The input's zero
 * point is folded into the bias.
 * Aliasing: out must not overlap in. Scratch: none.
 */
#ifndef NN_FULLY_CONNECTED_LANES_H
#define NN_FULLY_CONNECTED_LANES_H

#include "nn_store_codes.h"

/* Adds eight inputs times the digits of four channels, `eights` times, from the first bits of a
 * word on; returns the end of the weights. */
typedef const uint32_t *nn_fully_connected_lanes_function(const int8_t *in, const uint32_t *weights,
                                                          int32_t eights, uint32_t sums[4]);

nn_fully_connected_lanes_function nn_fully_connected_lanes_1;
nn_fully_connected_lanes_function nn_fully_connected_lanes_2;
nn_fully_connected_lanes_function nn_fully_connected_lanes_4;

typedef struct {
    int32_t rows, in_c, out_c;
    int32_t least, step;
    nn_fully_connected_lanes_function *add;
    const uint32_t *weights;
    const int32_t *bias; /* of whole groups of four */
    nn_codes codes;
} nn_fully_connected_lanes_params;

void nn_fully_connected_s8_lanes(const nn_fully_connected_lanes_params *p, const int8_t *in,
                                 int8_t *out);

#endif
