/*
 * Addition and multiplication of two float32 tensors, results as nn_float.h says, in four nested
 * loops: dims iterations each, the innermost of count. stride1 and stride2, step1 and step2 in the
 * innermost one, are the steps of the inputs in elements, 0 where one is broadcast; the output is
 * contiguous. Aliasing: out may be the same memory as an input of
 * the output's shape. Scratch: none.
 */
#ifndef NN_ELEMENTWISE_F32_H
#define NN_ELEMENTWISE_F32_H

#include <stdint.h>

typedef struct {
    int32_t dims[3], stride1[3], stride2[3];
    int32_t count, step1, step2;
    float act_min, act_max;
} nn_elementwise_f32_params;

void nn_add_f32(const nn_elementwise_f32_params *p, const float *in1, const float *in2, float *out);
void nn_mul_f32(const nn_elementwise_f32_params *p, const float *in1, const float *in2, float *out);

#endif
