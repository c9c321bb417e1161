/*
 * Softmax over the last dimension, float32: exp(beta * (x - highest)) / their sum. Sums and
 * quotients are rounded as in TFLM's reference kernel; the exponential is our own, within 2 units
 * in the last place of the real one, and the same on every machine. Aliasing: out may be in.
 * Scratch: none.
 */
#ifndef NN_SOFTMAX_F32_H
#define NN_SOFTMAX_F32_H

#include <stdint.h>

typedef struct {
    int32_t rows, columns;
    float beta;
} nn_softmax_f32_params;

void nn_softmax_f32(const nn_softmax_f32_params *p, const float *in, float *out);

#endif
