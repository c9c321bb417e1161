/*
 * The instructions of the DSP extension that the kernels use, with their twins in portable C, so
 * that the same kernels run (slowly) and are checked on any computer.
 */
#ifndef NN_DSP_H
#define NN_DSP_H

#include <stdint.h>
#include <string.h>

/* Four bytes from anywhere. */
static inline uint32_t nn_load4(const int8_t *p)
{
    uint32_t word;
    memcpy(&word, p, 4);
    return word;
}

#if defined(__ARM_FEATURE_DSP)

/* Bytes 0 and 2 as half-words, with their signs. */
static inline uint32_t nn_sxtb16(uint32_t x)
{
    uint32_t result;
    __asm("sxtb16 %0, %1" : "=r"(result) : "r"(x));
    return result;
}

/* Bytes 1 and 3 as half-words, with their signs. */
static inline uint32_t nn_sxtb16_high(uint32_t x)
{
    uint32_t result;
    __asm("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(x));
    return result;
}

/* sum + low(x) * low(y) + high(x) * high(y), wrapping. */
static inline uint32_t nn_smlad(uint32_t x, uint32_t y, uint32_t sum)
{
    uint32_t result;
    __asm("smlad %0, %1, %2, %3" : "=r"(result) : "r"(x), "r"(y), "r"(sum));
    return result;
}

/* Sums of half-words, wrapping. */
static inline uint32_t nn_add16x2(uint32_t x, uint32_t y)
{
    uint32_t result;
    __asm("sadd16 %0, %1, %2" : "=r"(result) : "r"(x), "r"(y) : "cc");
    return result;
}

/* Sums of bytes, wrapping. */
static inline uint32_t nn_add8x4(uint32_t x, uint32_t y)
{
    uint32_t result;
    __asm("sadd8 %0, %1, %2" : "=r"(result) : "r"(x), "r"(y) : "cc");
    return result;
}

/* x * y / 2^32, halves rounded up. */
static inline int32_t nn_smmulr(int32_t x, int32_t y)
{
    int32_t result;
    __asm("smmulr %0, %1, %2" : "=r"(result) : "r"(x), "r"(y));
    return result;
}

/* The larger of each two signed bytes. */
static inline uint32_t nn_max_s8x4(uint32_t x, uint32_t y)
{
    uint32_t result;
    __asm("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(result) : "r"(x), "r"(y) : "cc");
    return result;
}

#else

static inline uint32_t nn_sxtb16(uint32_t x)
{
    return (uint32_t)(uint16_t)(int16_t)(int8_t)x | (uint32_t)(uint16_t)(int16_t)(int8_t)(x >> 16)
                                                        << 16;
}

static inline uint32_t nn_sxtb16_high(uint32_t x)
{
    return nn_sxtb16(x >> 8);
}

static inline uint32_t nn_smlad(uint32_t x, uint32_t y, uint32_t sum)
{
    int32_t low = (int16_t)x * (int16_t)y, high = (int16_t)(x >> 16) * (int16_t)(y >> 16);
    return sum + (uint32_t)low + (uint32_t)high;
}

static inline uint32_t nn_add16x2(uint32_t x, uint32_t y)
{
    return ((x & 0xffff0000) + (y & 0xffff0000)) | (uint16_t)(x + y);
}

static inline uint32_t nn_add8x4(uint32_t x, uint32_t y)
{
    return ((x & 0x7f7f7f7f) + (y & 0x7f7f7f7f)) ^ ((x ^ y) & 0x80808080);
}

static inline int32_t nn_smmulr(int32_t x, int32_t y)
{
    return (int32_t)(((int64_t)x * y + ((int64_t)1 << 31)) >> 32);
}

static inline uint32_t nn_max_s8x4(uint32_t x, uint32_t y)
{
    const uint32_t high = 0x80808080u;
    uint32_t low_not_below =
        (x | high) - (y & ~high); /* in bit 7 of each byte, as is all that follows */
    uint32_t same_sign = ~(x ^ y);
    uint32_t not_below = ((y & ~x) | (same_sign & low_not_below)) & high;
    uint32_t take_x = (not_below >> 7) * 255u;
    return (x & take_x) | (y & ~take_x);
}

#endif

/* Twice a sum, times multiplier / 2^32, and rounded once more by a right shift; plus the zero point
 * and saturation to int8. `rounding` is 2^(shift - 1) + (zero point << shift). Equal to
 * nn_requantize while |sum| < 2^30 and 1 <= shift <= 22. */
static inline int8_t nn_requantize_doubled(int32_t doubled, int32_t multiplier, int32_t rounding,
                                           int32_t shift)
{
    int32_t high = nn_smmulr(doubled, multiplier);
    int32_t code = (high + (high >> 31) + rounding) >> shift;
    return (int8_t)(code < -128 ? -128 : code > 127 ? 127 : code);
}

/* The codes of some sums, clamped, for right shifts of 1 to 22 and |sum| < 2^30; multiplier and
 * shift, to the left, are `step` apart. Returns the end of the codes. */
static inline int8_t *nn_store_sums(const int32_t *sums, int32_t count, const int32_t *multiplier,
                                    const int8_t *shift, int32_t step, int32_t zero_point,
                                    int32_t low, int32_t high, int8_t *out)
{
    for (int32_t k = 0; k < count; k++, multiplier += step, shift += step) {
        int32_t right = -*shift;
        int32_t rounding = (1 << (right - 1)) + zero_point * (1 << right);
        int32_t scaled = nn_smmulr(2 * sums[k], *multiplier);
        int32_t code = (scaled + (scaled >> 31) + rounding) >> right;
        *out++ = (int8_t)(code < low ? low : code > high ? high : code);
    }
    return out;
}

/* The code of 256 times a sum, times factor / 2^(32 + shift), plus offset / 2^shift, rounded down.
 */
static inline int8_t nn_round_down(int32_t sum256, int32_t factor, int32_t offset, int32_t shift)
{
    int32_t code = ((int32_t)((int64_t)sum256 * factor >> 32) + offset) >> shift;
    return (int8_t)(code < -128 ? -128 : code > 127 ? 127 : code);
}

#endif
