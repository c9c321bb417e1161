/*
 * What softmax does behind its exponentials. Formats and constants: gemmlowp fixedpoint.h,
 * one_over_one_plus_x_for_x_in_0_1.
 */
#ifndef NN_SOFTMAX_FIXEDPOINT_H
#define NN_SOFTMAX_FIXEDPOINT_H

#include <stdint.h>

#include "nn_fixedpoint.h"

#define NN_SOFTMAX_SUM_BITS 12 /* integer bits of the sum of exponentials */

/* Shift left by n, saturating. */
static inline int32_t nn_saturating_shift_left(int32_t x, int32_t n)
{
    int32_t limit = (int32_t)(((uint32_t)1 << (31 - n)) - 1u);
    return x > limit ? INT32_MAX : x < -limit ? INT32_MIN : nn_shift_left(x, n);
}

static inline int32_t nn_leading_zeros(uint32_t x)
{
    int32_t n = 0;
    while (!(x & 0x80000000u)) {
        x <<= 1;
        n++;
    }
    return n;
}

/* 1 / (1 + a) in Q0.31 for a in [0, 1) in Q0.31: three Newton steps. */
static inline int32_t nn_one_over_one_plus(int32_t a)
{
    int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + nn_srdhm(half, -1010580540); /* 48/17 - 32/17 half in Q2.29 */
    for (int32_t i = 0; i < 3; i++) {
        int32_t error = (1 << 29) - nn_srdhm(half, x);
        x += nn_saturating_shift_left(nn_srdhm(x, error), 2);
    }
    return nn_saturating_shift_left(x, 1);
}

/* Exponentials in Q0.31 times `factor`, shifted right by `shift`, are int8 codes above -128. */
typedef struct {
    int32_t factor, shift;
} nn_softmax_scale;

static inline int32_t nn_softmax_addend(int32_t exponential)
{
    return nn_rounding_divide_by_pot(exponential, NN_SOFTMAX_SUM_BITS);
}

/* From the sum of all addends, which is not 0. */
static inline nn_softmax_scale nn_softmax_scale_of(int32_t sum)
{
    int32_t headroom = nn_leading_zeros((uint32_t)sum);
    nn_softmax_scale scale = {
        .factor = nn_one_over_one_plus((int32_t)(((uint32_t)sum << headroom) - 0x80000000u)),
        .shift = NN_SOFTMAX_SUM_BITS - headroom + 31 - 8,
    };
    return scale;
}

static inline int8_t nn_softmax_code(nn_softmax_scale scale, int32_t exponential)
{
    if (scale.shift > 31) { /* less than half a code */
        return INT8_MIN;
    }
    int32_t above = nn_rounding_divide_by_pot(nn_srdhm(scale.factor, exponential), scale.shift);
    return (int8_t)nn_clamp(above + INT8_MIN, INT8_MIN, INT8_MAX);
}

#endif
