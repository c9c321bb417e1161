/*
 * ADD and MUL of int32, and of all other types where these broadcast in more loops than
 * nn_elementwise.h has: see nn_binary.h. Sums and products of int32 wrap.
 */
#ifndef NN_ELEMENTWISE_DEEP_H
#define NN_ELEMENTWISE_DEEP_H

#include "nn_binary.h"

NN_BINARY_DECLARED(nn_add_deep_s8, nn_binary_scaled_params, int8_t, int8_t)
NN_BINARY_DECLARED(nn_add_deep_s16, nn_binary_scaled_params, int16_t, int16_t)
NN_BINARY_DECLARED(nn_add_deep_s32, nn_binary_s32_params, int32_t, int32_t)
NN_BINARY_DECLARED(nn_add_deep_f32, nn_binary_f32_params, float, float)
NN_BINARY_DECLARED(nn_mul_deep_s8, nn_binary_scaled_params, int8_t, int8_t)
NN_BINARY_DECLARED(nn_mul_deep_s16, nn_binary_scaled_params, int16_t, int16_t)
NN_BINARY_DECLARED(nn_mul_deep_s32, nn_binary_s32_params, int32_t, int32_t)
NN_BINARY_DECLARED(nn_mul_deep_f32, nn_binary_f32_params, float, float)

#endif
