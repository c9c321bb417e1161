/* Every element limited to low .. high, float32. Aliasing: out may be in. Scratch: none. */
#ifndef NN_RELU_F32_H
#define NN_RELU_F32_H

#include <stdint.h>

typedef struct {
    int32_t size;
    float low, high;
} nn_relu_f32_params;

void nn_relu_f32(const nn_relu_f32_params *p, const float *in, float *out);

#endif
