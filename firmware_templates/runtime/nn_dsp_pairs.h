/*
 * Complex numbers in a word, the real part in the low half-word and the imaginary one in the high
 * one: instructions of the DSP extension, with their twins in portable C as in nn_dsp.h.
 */
#ifndef NN_DSP_PAIRS_H
#define NN_DSP_PAIRS_H

#include <stdint.h>

static inline int32_t nn_low(uint32_t x)
{
    return (int16_t)x;
}

static inline int32_t nn_high(uint32_t x)
{
    return (int32_t)x >> 16;
}

#if defined(__ARM_FEATURE_DSP)

#define NN_PAIR(name, instruction)                                                                 \
    static inline uint32_t name(uint32_t x, uint32_t y)                                            \
    {                                                                                              \
        uint32_t result;                                                                           \
        __asm(instruction " %0, %1, %2" : "=r"(result) : "r"(x), "r"(y) : "cc");                   \
        return result;                                                                             \
    }

/* Sums and differences, wrapping; of the second number times j; halved, which never wrap. */
NN_PAIR(nn_pair_add, "sadd16")
NN_PAIR(nn_pair_sub, "ssub16")
NN_PAIR(nn_pair_add_j, "sasx")
NN_PAIR(nn_pair_sub_j, "ssax")
NN_PAIR(nn_pair_half_sum, "shadd16")
NN_PAIR(nn_pair_half_difference, "shsub16")
/* The real part of x and the imaginary part of y. */
NN_PAIR(nn_pair_of, "pkhbt")

/* sum + the real part of x * y, wrapping. */
static inline int32_t nn_pair_real(uint32_t x, uint32_t y, int32_t sum)
{
    int32_t result;
    __asm("smlsd %0, %1, %2, %3" : "=r"(result) : "r"(x), "r"(y), "r"(sum));
    return result;
}

/* sum + the imaginary part of x * y, wrapping. */
static inline int32_t nn_pair_imaginary(uint32_t x, uint32_t y, int32_t sum)
{
    int32_t result;
    __asm("smladx %0, %1, %2, %3" : "=r"(result) : "r"(x), "r"(y), "r"(sum));
    return result;
}

/* Of both products bits 15 to 30. */
static inline uint32_t nn_pair_of_products(int32_t real, int32_t imaginary)
{
    uint32_t result;
    __asm("pkhbt %0, %1, %2, lsl #1" : "=r"(result) : "r"(real >> 15), "r"(imaginary));
    return result;
}

#else

static inline uint32_t nn_pair_parts(int32_t real, int32_t imaginary)
{
    return (uint32_t)(uint16_t)real | (uint32_t)imaginary << 16;
}

static inline uint32_t nn_pair_add(uint32_t x, uint32_t y)
{
    return nn_pair_parts(nn_low(x) + nn_low(y), nn_high(x) + nn_high(y));
}

static inline uint32_t nn_pair_sub(uint32_t x, uint32_t y)
{
    return nn_pair_parts(nn_low(x) - nn_low(y), nn_high(x) - nn_high(y));
}

static inline uint32_t nn_pair_add_j(uint32_t x, uint32_t y)
{
    return nn_pair_parts(nn_low(x) - nn_high(y), nn_high(x) + nn_low(y));
}

static inline uint32_t nn_pair_sub_j(uint32_t x, uint32_t y)
{
    return nn_pair_parts(nn_low(x) + nn_high(y), nn_high(x) - nn_low(y));
}

static inline uint32_t nn_pair_half_sum(uint32_t x, uint32_t y)
{
    return nn_pair_parts((nn_low(x) + nn_low(y)) >> 1, (nn_high(x) + nn_high(y)) >> 1);
}

static inline uint32_t nn_pair_half_difference(uint32_t x, uint32_t y)
{
    return nn_pair_parts((nn_low(x) - nn_low(y)) >> 1, (nn_high(x) - nn_high(y)) >> 1);
}

static inline uint32_t nn_pair_of(uint32_t x, uint32_t y)
{
    return (x & 0xffffu) | (y & 0xffff0000u);
}

static inline int32_t nn_pair_real(uint32_t x, uint32_t y, int32_t sum)
{
    const int32_t first = nn_low(x) * nn_low(y), second = nn_high(x) * nn_high(y);
    return (int32_t)((uint32_t)sum + (uint32_t)first - (uint32_t)second);
}

static inline int32_t nn_pair_imaginary(uint32_t x, uint32_t y, int32_t sum)
{
    const int32_t first = nn_low(x) * nn_high(y), second = nn_high(x) * nn_low(y);
    return (int32_t)((uint32_t)sum + (uint32_t)first + (uint32_t)second);
}

static inline uint32_t nn_pair_of_products(int32_t real, int32_t imaginary)
{
    return nn_pair_parts(real >> 15, imaginary >> 15);
}

#endif

#endif
