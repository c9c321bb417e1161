/*
 * ReLU and ReLU6, int16, zero points 0: codes are rescaled and limited to 0 .. most.
 * Aliasing: out may be in. Scratch: none.
 */
#ifndef NN_RELU_S16_H
#define NN_RELU_S16_H

#include <stdint.h>

typedef struct {
    int32_t size;
    int32_t multiplier, shift;
    int32_t most;
} nn_relu_s16_params;

void nn_relu_s16(const nn_relu_s16_params *p, const int16_t *in, int16_t *out);

#endif
