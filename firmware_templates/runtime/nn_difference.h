/*
 * SUB and SQUARED_DIFFERENCE: see nn_binary.h. Codes are shifted left and rescaled to a grid of
 * both before they are subtracted. Sums, differences and products of int32 wrap.
 */
#ifndef NN_DIFFERENCE_H
#define NN_DIFFERENCE_H

#include "nn_binary.h"

NN_BINARY_DECLARED(nn_sub_s8, nn_binary_scaled_params, int8_t, int8_t)
NN_BINARY_DECLARED(nn_sub_s16, nn_binary_scaled_params, int16_t, int16_t)
NN_BINARY_DECLARED(nn_sub_s32, nn_binary_s32_params, int32_t, int32_t)
NN_BINARY_DECLARED(nn_sub_f32, nn_binary_f32_params, float, float)
NN_BINARY_DECLARED(nn_squared_difference_s8, nn_binary_scaled_params, int8_t, int8_t)
NN_BINARY_DECLARED(nn_squared_difference_s16, nn_binary_scaled_params, int16_t, int16_t)
NN_BINARY_DECLARED(nn_squared_difference_s32, nn_binary_s32_params, int32_t, int32_t)
NN_BINARY_DECLARED(nn_squared_difference_f32, nn_binary_f32_params, float, float)

#endif
