/*
 * TFLite's rescaling of the sums of int16 activations and int8 weights, which have up to 48 bits:
 * by a factor of 16 bits and rounded once, halves upwards. Source: TFLite quantization_util.cc,
 * MultiplyByQuantizedMultiplier of an int64.
 */
#ifndef NN_REQUANTIZE_WIDE_H
#define NN_REQUANTIZE_WIDE_H

#include <stdint.h>

/* sum * factor / 2^shift for |sum| < 2^47, a factor below 2^15 and a shift of 8 to 46. */
static inline int32_t nn_requantize_wide(int64_t sum, int32_t factor, int32_t shift)
{
    return (int32_t)((sum * factor + ((int64_t)1 << (shift - 1))) >> shift);
}

#endif
