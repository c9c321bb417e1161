/*
 * PRELU: see nn_binary.h. Numbers from 0 on are rescaled by multiplier1 and shift1; of those below,
 * the products with the second input's are by multiplier2 and shift2.
 */
#ifndef NN_PRELU_H
#define NN_PRELU_H

#include "nn_binary.h"

NN_BINARY_DECLARED(nn_prelu_s8, nn_binary_scaled_params, int8_t, int8_t)
NN_BINARY_OF_DECLARED(nn_prelu_s16, nn_binary_scaled_params, int16_t, int8_t, int16_t)
NN_BINARY_DECLARED(nn_prelu_f32, nn_binary_params, float, float)

#endif
