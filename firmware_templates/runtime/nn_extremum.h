/* MAXIMUM and MINIMUM: see nn_binary.h. Codes are compared as they are. */
#ifndef NN_EXTREMUM_H
#define NN_EXTREMUM_H

#include "nn_binary.h"

#define NN_EXTREMUM_DECLARED(suffix, type)                                                         \
    NN_BINARY_DECLARED(nn_maximum_##suffix, nn_binary_params, type, type)                          \
    NN_BINARY_DECLARED(nn_minimum_##suffix, nn_binary_params, type, type)

NN_EXTREMUM_DECLARED(s8, int8_t)
NN_EXTREMUM_DECLARED(s16, int16_t)
NN_EXTREMUM_DECLARED(s32, int32_t)
NN_EXTREMUM_DECLARED(f32, float)

#endif
