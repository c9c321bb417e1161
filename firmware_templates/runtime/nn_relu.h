/*
 * ReLU (rescales from the input's to the output's quantization) and ReLU6 (clamps only, as TFLM
 * does), int8. Aliasing: out may be in. Scratch: none.
 */
#ifndef NN_RELU_H
#define NN_RELU_H

#include <stdint.h>

typedef struct {
    int32_t size;
    int32_t in_zero_point, out_zero_point;
    int32_t multiplier, shift;
} nn_relu_params;

typedef struct {
    int32_t size;
    int32_t low, high;
} nn_relu6_params;

void nn_relu_s8(const nn_relu_params *p, const int8_t *in, int8_t *out);
void nn_relu6_s8(const nn_relu6_params *p, const int8_t *in, int8_t *out);

#endif
