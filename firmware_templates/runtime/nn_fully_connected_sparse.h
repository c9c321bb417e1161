/*
 * Fully connected layer that leaves out weights of zero four at a time, for cores with the DSP
 * extension. Inputs are a multiple of four.
 *
 * Input and output as nn_fully_connected.h says. Weights, for each output channel, for each 32
 * fours of inputs (the last may be fewer): a word with a bit for each four that is not all zero,
 * the first one highest, then these fours. The input's zero point is folded into the bias.
 * Aliasing: out must not overlap in. Scratch: none.
 */
#ifndef NN_FULLY_CONNECTED_SPARSE_H
#define NN_FULLY_CONNECTED_SPARSE_H

#include "nn_store_codes.h"

typedef struct {
    int32_t rows, in_c, out_c;
    const uint32_t *weights;
    const int32_t *bias; /* of whole groups of four */
    nn_codes codes;
} nn_fully_connected_sparse_params;

void nn_fully_connected_s8_sparse(const nn_fully_connected_sparse_params *p, const int8_t *in,
                                  int8_t *out);

#endif
