/*
 * Addition and multiplication of two int8 tensors, TFLite semantics, in four nested loops of dims
 * iterations. stride1 and stride2 are the steps of the inputs in elements, 0 where one is
 * broadcast; the output is contiguous. Aliasing: out may be the same memory as an input of the
 * output's shape.
 */
#ifndef NN_ELEMENTWISE_H
#define NN_ELEMENTWISE_H

#include <stdint.h>

typedef struct {
    int32_t dims[4], stride1[4], stride2[4];
    int32_t multiplier1, multiplier2, out_multiplier;
    int32_t shift1, shift2, out_shift;
    int32_t zero_point1, zero_point2, out_zero_point;
    int32_t act_min, act_max;
} nn_add_params;

typedef struct {
    int32_t dims[4], stride1[4], stride2[4];
    int32_t out_multiplier, out_shift;
    int32_t zero_point1, zero_point2, out_zero_point;
    int32_t act_min, act_max;
} nn_mul_params;

void nn_add_s8(const nn_add_params *p, const int8_t *in1, const int8_t *in2, int8_t *out);
void nn_mul_s8(const nn_mul_params *p, const int8_t *in1, const int8_t *in2, int8_t *out);

#endif
