/*
 * Softmax over the last dimension, int8, TFLite semantics; the output's scale is 1/256 and its zero
 * point -128. diff * 2^left_shift * multiplier / 2^31 is the scaled difference to the row's maximum
 * in Q5.26; differences below diff_min give 0. columns is at most 4095. Aliasing: out may be in.
 * Scratch: none.
 */
#ifndef NN_SOFTMAX_H
#define NN_SOFTMAX_H

#include <stdint.h>

typedef struct {
    int32_t rows, columns;
    int32_t multiplier, left_shift, diff_min;
} nn_softmax_params;

/* The same with a table: exps[d] is exp of d codes below the maximum in Q0.31; from `length` on it
 * is 0. */
typedef struct {
    int32_t rows, columns;
    int32_t length;
    const int32_t *exps;
} nn_softmax_table_params;

void nn_softmax_s8(const nn_softmax_params *p, const int8_t *in, int8_t *out);
void nn_softmax_s8_table(const nn_softmax_table_params *p, const int8_t *in, int8_t *out);

/* To int16, scale 1/65536 and zero point -32768; out must not overlap in. */
void nn_softmax_s8_s16(const nn_softmax_table_params *p, const int8_t *in, int16_t *out);

#endif
