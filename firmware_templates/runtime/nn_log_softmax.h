/*
 * Logarithms of softmax over the last dimension, int8, TFLite semantics; the output's scale is 1/16
 * and its zero point 127. diff * 2^left_shift * multiplier / 2^31 is the scaled difference to the
 * row's maximum in Q5.26, for differences from diff_min on; reverse_multiplier and reverse_shift
 * are the way back. addends[d] is exp of d codes below the maximum in Q12.19; from `length` on it
 * is 0. columns is at most 4095. Aliasing: out may be in. Scratch: none.
 */
#ifndef NN_LOG_SOFTMAX_H
#define NN_LOG_SOFTMAX_H

#include <stdint.h>

typedef struct {
    int32_t rows, columns;
    int32_t multiplier, left_shift, diff_min;
    int32_t reverse_multiplier, reverse_shift;
    int32_t length;
    const int32_t *addends;
} nn_log_softmax_params;

/* The same of float32, with the functions of nn_math_f32.h. */
typedef struct {
    int32_t rows, columns;
} nn_log_softmax_f32_params;

void nn_log_softmax_s8(const nn_log_softmax_params *p, const int8_t *in, int8_t *out);
void nn_log_softmax_f32(const nn_log_softmax_f32_params *p, const float *in, float *out);

#endif
