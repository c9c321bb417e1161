/*
 * Requantization as the kernels for Helium do it, in portable C for their twins.
 */
#ifndef NN_REQUANTIZE_MVE_H
#define NN_REQUANTIZE_MVE_H

#include "nn_fixedpoint.h"

/* The int8 code of a sum; shift is to the left and negative. */
static inline int8_t nn_code_of_sum(int32_t sum, int32_t multiplier, int32_t shift,
                                    int32_t zero_point)
{
    int32_t scaled = nn_requantize(sum, multiplier, shift) + zero_point;
    return (int8_t)nn_clamp(scaled, INT8_MIN, INT8_MAX);
}

#endif
