/*
 * Weights of 16 bits, two in a word, as float32. Every finite float16 and bfloat16 is a float32:
 * nothing is rounded.
 */
#ifndef NN_HALF_H
#define NN_HALF_H

#include <stdint.h>
#include <string.h>

static inline float nn_float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Every FPU of a Cortex-M converts, though compilers announce it in different ways. */
#if defined(__GNUC__) && defined(__ARM_FP) && defined(__ARM_ARCH_PROFILE) &&                       \
    __ARM_ARCH_PROFILE == 'M'

static inline float nn_low_half(uint32_t pair)
{
    float x;
    __asm("vcvtb.f32.f16 %0, %1" : "=t"(x) : "t"(pair));
    return x;
}

static inline float nn_high_half(uint32_t pair)
{
    float x;
    __asm("vcvtt.f32.f16 %0, %1" : "=t"(x) : "t"(pair));
    return x;
}

#else

/* A finite float16: its exponent counts from -15, a float32's from -127; subnormal ones, too. */
static inline float nn_low_half(uint32_t pair)
{
    float x = nn_float_of_bits((pair & 0x7fffu) << 13) * 0x1p112f;
    return pair & 0x8000u ? -x : x;
}

static inline float nn_high_half(uint32_t pair)
{
    return nn_low_half(pair >> 16);
}

#endif

/* A bfloat16 is the upper half of a float32. */
static inline float nn_low_bf16(uint32_t pair)
{
    return nn_float_of_bits(pair << 16);
}

static inline float nn_high_bf16(uint32_t pair)
{
    return nn_float_of_bits(pair & 0xffff0000u);
}

#endif
