/*
 * Fully connected layer of four output channels at a time, for cores without the DSP extension.
 *
 * Input and output as nn_fully_connected.h says. Weights, for each four channels: four bytes for
 * each input; channels behind the last have weights and a bias of zero. The input's zero point is
 * folded into the bias.
 * Aliasing: out must not overlap in. Scratch: none.
 */
#ifndef NN_FULLY_CONNECTED_FOURS_H
#define NN_FULLY_CONNECTED_FOURS_H

#include "nn_store_codes.h"

typedef struct {
    int32_t rows, in_c, out_c;
    const int8_t *weights;
    const int32_t *bias;
    nn_codes codes;
} nn_fully_connected_fours_params;

void nn_fully_connected_s8_fours(const nn_fully_connected_fours_params *p, const int8_t *in,
                                 int8_t *out);

#endif
