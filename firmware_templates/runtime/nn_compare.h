/*
 * Comparisons: see nn_binary.h. Codes are compared as the numbers that they stand for, rescaled to
 * a grid of both, as TensorFlow Lite does it.
 */
#ifndef NN_COMPARE_H
#define NN_COMPARE_H

#include "nn_binary.h"

#define NN_COMPARE_DECLARED(suffix, params, type)                                                  \
    NN_BINARY_DECLARED(nn_equal_##suffix, params, type, uint8_t)                                   \
    NN_BINARY_DECLARED(nn_not_equal_##suffix, params, type, uint8_t)                               \
    NN_BINARY_DECLARED(nn_greater_##suffix, params, type, uint8_t)                                 \
    NN_BINARY_DECLARED(nn_greater_equal_##suffix, params, type, uint8_t)                           \
    NN_BINARY_DECLARED(nn_less_##suffix, params, type, uint8_t)                                    \
    NN_BINARY_DECLARED(nn_less_equal_##suffix, params, type, uint8_t)

NN_COMPARE_DECLARED(s8, nn_binary_scaled_params, int8_t)
NN_COMPARE_DECLARED(s32, nn_binary_params, int32_t)
NN_COMPARE_DECLARED(f32, nn_binary_params, float)
NN_COMPARE_DECLARED(b, nn_binary_params, uint8_t)

#endif
