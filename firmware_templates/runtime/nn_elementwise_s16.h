/*
 * Addition and multiplication of two int16 tensors; the rest is as in nn_elementwise.h, whose
 * parameters these take. Zero points are 0; ADD shifts its inputs left by 15.
 */
#ifndef NN_ELEMENTWISE_S16_H
#define NN_ELEMENTWISE_S16_H

#include "nn_elementwise.h"

void nn_add_s16(const nn_add_params *p, const int16_t *in1, const int16_t *in2, int16_t *out);
void nn_mul_s16(const nn_mul_params *p, const int16_t *in1, const int16_t *in2, int16_t *out);

#endif
