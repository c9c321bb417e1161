/*
 * Softmax over the last dimension, int16, TFLite semantics; the output's scale is 1/32768.
 * multiplier and shift take differences to a row's highest code to where 65535 is 10.0. The tables
 * of 513 entries are TFLite's of exp(x) from -10 to 0 and of 1 / (1 + x) from 0 to 1, in Q0.15.
 * columns is at most 65535. Aliasing: out may be in. Scratch: none.
 */
#ifndef NN_SOFTMAX_S16_H
#define NN_SOFTMAX_S16_H

#include <stdint.h>

typedef struct {
    int32_t rows, columns;
    int32_t multiplier, shift;
    const int16_t *exps;
    const int16_t *reciprocals;
} nn_softmax_s16_params;

void nn_softmax_s16(const nn_softmax_s16_params *p, const int16_t *in, int16_t *out);

#endif
