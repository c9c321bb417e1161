/*
 * Elementary functions of float32 whose bits are the same on every machine, as libm's are not. The
 * twin of toolchain/floatmath.py, which says what they are. Within 2 units in the last place of the
 * real functions (nn_erfc_of: 5).
 */
#ifndef NN_MATH_F32_H
#define NN_MATH_F32_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "nn_float.h"
#include "nn_half.h"

static inline uint32_t nn_bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* 2^n for a normal number. */
static inline float nn_power_of_two(int32_t n)
{
    return nn_float_of_bits((uint32_t)(n + 127) << 23);
}

/* sum = the polynomial of x, the highest power first, by Horner's rule. */
#define NN_POLYNOMIAL_F32(sum, x, terms)                                                           \
    do {                                                                                           \
        (sum) = (terms)[0];                                                                        \
        for (uint32_t k_ = 1; k_ < sizeof(terms) / sizeof(terms)[0]; k_++) {                       \
            (sum) *= (x);                                                                          \
            (sum) += (terms)[k_];                                                                  \
        }                                                                                          \
    } while (0)

/* x - n ln 2, ln 2 in two parts of which the first has so few digits that n times it is exact. */
static inline float nn_less_logs_of_two(float x, int32_t n)
{
    float high = (float)n * 0.693145752f, low = (float)n * 1.42860677e-6f;
    float r = x - high;
    return r - low;
}

/* exp(x) = 2^n * exp(r) with n = round(x / ln 2): the polynomial is exp's Taylor series up to r^7
 * for |r| <= ln 2 / 2. The power comes in two factors, for results may be subnormal. */
static inline float nn_exp_in_parts(float x, int32_t n)
{
    static const float terms[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24,
                                  1.0f / 6,    0.5f,       1.0f};
    float r = nn_less_logs_of_two(x, n), sum;
    NN_POLYNOMIAL_F32(sum, r, terms);
    sum *= r;
    sum += 1.0f;
    int32_t half = n / 2;
    sum *= nn_power_of_two(half);
    return sum * nn_power_of_two(n - half);
}

static inline float nn_exp_of(float x)
{
    if (!(x > -104.0f && x < 89.0f)) {
        return x <= -104.0f ? 0.0f : x >= 89.0f ? INFINITY : x;
    }
    float whole = x * 1.44269504f;
    return nn_exp_in_parts(x, (int32_t)(whole + (x < 0.0f ? -0.5f : 0.5f)));
}

/* exp(x) - 1 for x <= 0: 2^n * (exp(r) - 1) + (2^n - 1). */
static inline float nn_expm1_of_negative(float x)
{
    static const float terms[] = {0.00019857807f, 0.001393363f, 0.008333361f,
                                  0.041666467f,   0.16666667f,  0.5f};
    if (!(x > -18.0f)) {
        return x <= -18.0f ? -1.0f : x;
    }
    float whole = x * 1.44269504f;
    int32_t n = (int32_t)(whole - 0.5f);
    float r = nn_less_logs_of_two(x, n), power = nn_power_of_two(n), sum;
    NN_POLYNOMIAL_F32(sum, r, terms);
    sum *= r * r;
    sum += r;
    sum *= power;
    return sum + (power - 1.0f);
}

static inline float nn_tanh_of(float x)
{
    static const float terms[] = {0.0023653938f, -0.008388895f, 0.021775227f,
                                  -0.053958617f, 0.13333288f,   -0.3333333f};
    float size = fabsf(x), result;
    if (size < 0.55f) {
        float square = size * size;
        NN_POLYNOMIAL_F32(result, square, terms);
        result *= size * square;
        result += size;
    } else {
        result = 1.0f - 2.0f / (nn_exp_of(size + size) + 1.0f);
    }
    return copysignf(result, x);
}

/* As TFLite has it. */
static inline float nn_logistic_of(float x)
{
    if (x > 16.619047164916992f) {
        return 1.0f;
    }
    return x < -9.0f ? nn_exp_of(x) : 1.0f / (1.0f + nn_exp_of(-x));
}

/* k ln 2 + log(1 + f), 1 + f from sqrt(1/2) to sqrt(2). */
static inline float nn_log_of(float x)
{
    static const float terms[] = {0.06915368f,  -0.11789808f, 0.11872976f,
                                  -0.12384348f, 0.14218658f,  -0.16669251f,
                                  0.20002227f,  -0.24999987f, 0.3333331f};
    if (!(x > 0.0f && x < INFINITY)) {
        return x < 0.0f ? NAN : x <= 0.0f ? -INFINITY : x;
    }
    int32_t k = 0;
    if (x < 0x1p-126f) {
        x *= 0x1p24f;
        k = -24;
    }
    uint32_t bits = nn_bits_of_float(x);
    k += (int32_t)(bits >> 23) - 126;
    float f = nn_float_of_bits((bits & 0x7fffffu) | 0x3f000000u); /* from 1/2 to 1 */
    if (f < 0.70710678f) {
        f += f;
        k--;
    }
    f -= 1.0f;
    float square = f * f, high = (float)k * 0.693145752f, low = (float)k * 1.42860677e-6f;
    float half = 0.5f * square, sum;
    NN_POLYNOMIAL_F32(sum, f, terms);
    sum *= f * square;
    sum += low;
    sum -= half;
    sum += f;
    return sum + high;
}

/* Quarter turns in finite x >= 1/2; what is left of it, from -pi/4 to pi/4, goes to *rest.
 * x = m * 2^e with an integer m of 24 digits; of 2 / pi only digits matter that give less than four
 * quarter turns. */
static inline int32_t nn_quarter_turns(float x, float *rest)
{
    static const uint32_t two_by_pi[] = {0,           0xa2f9836eu, 0x4e441529u, 0xfc2757d1u,
                                         0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu};
    uint32_t bits = nn_bits_of_float(x), start = (bits >> 23) - 120u, words[3];
    uint64_t m = (bits & 0x7fffffu) | 0x800000u;
    for (uint32_t k = 0; k < 3; k++) {
        uint64_t pair = (uint64_t)two_by_pi[start / 32 + k] << 32 | two_by_pi[start / 32 + k + 1];
        words[k] = (uint32_t)(pair >> (32 - start % 32));
    }
    /* with 62 fractional digits, and then less whole ones */
    uint64_t turns = ((m * words[0]) << 32) + m * words[1] + ((m * words[2]) >> 32);
    uint32_t quarters = (uint32_t)((turns + ((uint64_t)1 << 61)) >> 62);
    turns -= (uint64_t)quarters << 62;
    int32_t negative = turns >> 63 != 0, zeros = 0;
    uint64_t size = negative ? 0 - turns : turns;
    while (zeros < 61 && size < (uint64_t)1 << 61) {
        size <<= 1;
        zeros++;
    }
    uint64_t product = (size >> 30) * 0xc90fdaa2u; /* pi / 2 with 31 fractional digits */
    float r = (float)(int32_t)(product >> 33) * nn_power_of_two(-30 - zeros);
    *rest = negative ? -r : r;
    return (int32_t)quarters;
}

/* The sine of x, `ahead` quarter turns farther: 0 for the sine, 1 for the cosine. */
static inline float nn_sine_of(float x, int32_t ahead)
{
    static const float sines[] = {2.7183019e-06f, -0.00019839333f, 0.008333329f, -0.16666667f};
    static const float cosines[] = {2.4438355e-05f, -0.0013887367f, 0.041666646f};
    float r = fabsf(x), sum;
    int32_t quarters = ahead;
    if (!(r < INFINITY)) {
        return x - x;
    }
    if (r >= 0.785f) {
        quarters += nn_quarter_turns(r, &r);
    }
    float square = r * r;
    if (quarters & 1) {
        float half = 0.5f * square;
        NN_POLYNOMIAL_F32(sum, square, cosines);
        sum *= square * square;
        sum += 1.0f - half;
    } else {
        NN_POLYNOMIAL_F32(sum, square, sines);
        sum *= r * square;
        sum += r;
    }
    int32_t turned = (quarters & 2) != 0, odd = ahead == 0 && signbit(x);
    return turned != odd ? -sum : sum;
}

/* Below 1/2 by the series of erf, else exp(-x * x) times a polynomial in 1 / (1 + x / 2). */
static inline float nn_erfc_of(float x)
{
    static const float near[] = {-0.0007692853f, 0.0052003083f, -0.02686312f,
                                 0.11283774f,    -0.37612638f,  1.1283792f};
    static const float far[] = {0.06270434f, -0.027723888f, -0.07996224f, 0.067231975f,
                                0.09035488f, -0.11505693f,  -0.16113882f, 0.15910573f,
                                0.54979354f, 0.6649833f,    0.49727052f};
    float size = fabsf(x), sum;
    if (size < 0.5f) {
        float square = size * size;
        NN_POLYNOMIAL_F32(sum, square, near);
        sum *= x;
        return 1.0f - sum;
    }
    if (!(size < 10.5f)) {
        if (!(size >= 10.5f)) {
            return x;
        }
        size = 10.5f;
    }
    float high = nn_float_of_bits(nn_bits_of_float(size) & 0xfffff000u); /* its square is exact */
    float square = high * high, less = (size - high) * (size + high), half = 0.5f * size;
    float t = 1.0f / (1.0f + half);
    NN_POLYNOMIAL_F32(sum, t - 0.48f, far);
    sum *= t;
    sum *= nn_exp_of(-square) * nn_exp_of(-less);
    return x < 0.0f ? 2.0f - sum : sum;
}

#endif
