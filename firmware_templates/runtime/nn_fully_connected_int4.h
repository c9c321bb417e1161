/*
 * Fully connected layer with weights of four bits, -8 to 7, two in each byte, for cores with the
 * DSP extension.
 *
 * Input and output as nn_fully_connected.h says. Weights, for each four output channels c, for each
 * four inputs k (the last four filled up with any): a word of the inputs k and k + 2, then one of
 * k + 1 and k + 3. Its bytes are 16 w(c+1) + w(c) + 8 of the first input, the same of channels
 * c + 2 and c + 3, and both again of the second input.
 * SXTB16 makes half-words of bytes 0 and 2, which SMLAD sums to 16 D(c+1) + D, where D is that of
 * w(c) + 8; the mask 0x000f000f leaves w(c) + 8 for D alone. D(c) = D - 8 sum of x.
 * The input's zero point is folded into the bias. Exact while 16 D(c+1) fits 32 bits.
 * Aliasing: out must not overlap in. Scratch: none.
 */
#ifndef NN_FULLY_CONNECTED_INT4_H
#define NN_FULLY_CONNECTED_INT4_H

#include "nn_store_codes.h"

typedef struct {
    int32_t rows, in_c, out_c;
    const uint32_t *weights;
    const int32_t *bias; /* of whole groups of four */
    nn_codes codes;
} nn_fully_connected_int4_params;

void nn_fully_connected_s8_int4(const nn_fully_connected_int4_params *p, const int8_t *in,
                                int8_t *out);

#endif
