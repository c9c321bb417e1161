/*
 * TFLite's fixed-point arithmetic with double rounding. The twin of toolchain/fixedpoint.py.
 * Sources: TFLite quantization_util.cc and common.h, gemmlowp fixedpoint.h, which define these
 * operations.
 */
#ifndef NN_FIXEDPOINT_H
#define NN_FIXEDPOINT_H

#include <stdint.h>

/* round(a * b / 2^31), halves rounded up: those of the definition, away from zero for positive
 * products and towards it for negative ones. a and b must not both be INT32_MIN. */
static inline int32_t nn_rounding_high_mul(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* The same, saturating the one product that does not fit. */
static inline int32_t nn_srdhm(int32_t a, int32_t b)
{
    return a == INT32_MIN && b == INT32_MIN ? INT32_MAX : nn_rounding_high_mul(a, b);
}

/* round(x / 2^exponent), ties away from zero; 0 <= exponent <= 31. */
static inline int32_t nn_rounding_divide_by_pot(int32_t x, int32_t exponent)
{
    int32_t mask = (int32_t)(((uint32_t)1 << exponent) - 1u);
    int32_t remainder = x & mask;
    int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

/* x * 2^shift in 32 bits, wrapping. */
static inline int32_t nn_shift_left(int32_t x, int32_t shift)
{
    return (int32_t)((uint32_t)x << shift);
}

/* x * multiplier * 2^(shift - 31), rounded twice; shift > 0 is to the left. multiplier >= 0. */
static inline int32_t nn_requantize(int32_t x, int32_t multiplier, int32_t shift)
{
    int32_t left = shift > 0 ? shift : 0;
    int32_t right = shift > 0 ? 0 : -shift;
    return nn_rounding_divide_by_pot(nn_rounding_high_mul(nn_shift_left(x, left), multiplier),
                                     right);
}

/* round(2 a * b / 2^32), halves rounded up, for |a| < 2^30 and b >= 0. */
static inline int32_t nn_rounding_high_mul_of_double(int32_t a, int32_t b)
{
    int64_t product = (int64_t)(2 * a) * b;
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
}

/* The same from products of 16 bits, for cores that multiply no further than 32. */
static inline int32_t nn_rounding_high_mul_by_halves(int32_t a, int32_t b)
{
    uint32_t a_low = (uint32_t)(2 * a) & 0xFFFFu, b_low = (uint32_t)b & 0xFFFFu;
    int32_t a_high = 2 * a >> 16, b_high = b >> 16;
    /* both in units of 2^16; the fraction that is left out carries nothing */
    uint32_t low = a_low * (uint32_t)b_high + (a_low * b_low >> 16) + (1u << 15);
    int32_t high = a_high * (int32_t)b_low;
    uint32_t carry = ((low & 0xFFFFu) + ((uint32_t)high & 0xFFFFu)) >> 16;
    return a_high * b_high + (high >> 16) + (int32_t)((low >> 16) + carry);
}

/* nn_requantize plus the zero point, for |x| < 2^30, a shift of -1 to -31, of which half_shift is
 * one less without its sign, and offset = 2 * zero point + 1. */
static inline int32_t nn_requantize_right(int32_t x, int32_t multiplier, int32_t half_shift,
                                          int32_t offset)
{
#if defined(__thumb__) && !defined(__thumb2__)
    int32_t high = nn_rounding_high_mul_by_halves(x, multiplier);
#else
    int32_t high = nn_rounding_high_mul_of_double(x, multiplier);
#endif
    return (((high + (high >> 31)) >> half_shift) + offset) >> 1;
}

static inline int32_t nn_clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

/* Clamps n codes to a fused activation's range; the full range costs nothing. */
static inline void nn_clamp_codes(int8_t *codes, int32_t n, int32_t low, int32_t high)
{
    if (low > INT8_MIN || high < INT8_MAX) {
        for (int32_t i = 0; i < n; i++) {
            codes[i] = (int8_t)nn_clamp(codes[i], low, high);
        }
    }
}

#endif
