/*
 * 1 / sqrt in fixed point, as TFLite's common.h (GetInvSqrtQuantizedMultiplierExp) defines it. The
 * twin of inverse_sqrt in toolchain/fixedpoint.py.
 */
#ifndef NN_INVERSE_SQRT_H
#define NN_INVERSE_SQRT_H

#include <stdint.h>

#include "nn_fixedpoint.h"

/* What nn_requantize multiplies by. */
typedef struct {
    int32_t multiplier, shift;
} nn_factor;

/* 1 / sqrt(value), value >= 0; of 0 as of 1. */
static inline nn_factor nn_inverse_sqrt(int32_t value)
{
    nn_factor factor = {INT32_MAX, 0};
    if (value <= 1) {
        return factor;
    }
    int32_t right = 11;
    for (; value >= 1 << 29; value /= 4) {
        right++;
    }
    for (; value < 1 << 27; value *= 4) {
        right--;
    }
    const int32_t half_three = (1 << 28) + (1 << 27); /* with three integer bits, as half and x */
    int32_t half = nn_rounding_divide_by_pot(value >> 1, 1), x = 1 << 28;
    for (int32_t i = 0; i < 5; i++) { /* Newton's method */
        int32_t cube = nn_shift_left(nn_srdhm(nn_srdhm(x, x), x), 6);
        x = nn_shift_left(nn_srdhm(half_three, x) - nn_srdhm(half, cube), 3);
    }
    factor.multiplier = nn_srdhm(x, 1518500250); /* sqrt(2) / 2 */
    factor.shift = -right;
    if (right < 0) {
        factor.multiplier = nn_shift_left(factor.multiplier, -right);
        factor.shift = 0;
    }
    return factor;
}

#endif
