/*
 * DIV, FLOOR_DIV and FLOOR_MOD: see nn_binary.h. DIV of int32 cuts the fraction off; integers
 * divided by 0 are 0.
 */
#ifndef NN_DIVISION_H
#define NN_DIVISION_H

#include "nn_binary.h"

NN_BINARY_DECLARED(nn_div_s8, nn_binary_scaled_params, int8_t, int8_t)
NN_BINARY_DECLARED(nn_div_s32, nn_binary_s32_params, int32_t, int32_t)
NN_BINARY_DECLARED(nn_div_f32, nn_binary_f32_params, float, float)
NN_BINARY_DECLARED(nn_floor_div_f32, nn_binary_params, float, float)
NN_BINARY_DECLARED(nn_floor_mod_f32, nn_binary_params, float, float)

#endif
