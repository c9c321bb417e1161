#include "nn_extremum.h"

#define EXTREMUM(suffix, type)                                                                     \
    static type nn_maximum_##suffix##_of(const nn_binary_params *p, type a, type b)                \
    {                                                                                              \
        (void)p;                                                                                   \
        return a > b ? a : b;                                                                      \
    }                                                                                              \
    static type nn_minimum_##suffix##_of(const nn_binary_params *p, type a, type b)                \
    {                                                                                              \
        (void)p;                                                                                   \
        return a < b ? a : b;                                                                      \
    }                                                                                              \
    NN_BINARY(nn_maximum_##suffix, nn_binary_params, type, type)                                   \
    NN_BINARY(nn_minimum_##suffix, nn_binary_params, type, type)

EXTREMUM(s8, int8_t)
EXTREMUM(s16, int16_t)
EXTREMUM(s32, int32_t)
EXTREMUM(f32, float)
