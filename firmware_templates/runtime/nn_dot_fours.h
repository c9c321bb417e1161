/*
 * Dot products of one int8 vector with four, for the DSP extension. Weights are (fours of elements,
 * 4 vectors, 4 elements), zeros behind the last element; x and they are read as words from
 * anywhere.
 */
#ifndef NN_DOT_FOURS_H
#define NN_DOT_FOURS_H

#include "nn_dsp.h"
#include "nn_port.h"

/* Adds four products, of x's four bytes in two words the even and the odd ones. */
static inline uint32_t nn_add_four(uint32_t sum, const int8_t *w, uint32_t even, uint32_t odd)
{
    const uint32_t weights = nn_load4(w);
    sum = nn_smlad(nn_sxtb16(weights), even, sum);
    return nn_smlad(nn_sxtb16_high(weights), odd, sum);
}

/* sums[k] = bias[k] plus the sum over i < n of x[i] * w_k[i], wrapping. */
static NN_NOINLINE void nn_dot_fours(const int8_t *x, int32_t n, const int8_t *w,
                                     const int32_t bias[4], int32_t sums[4])
{
    uint32_t s0 = (uint32_t)bias[0], s1 = (uint32_t)bias[1], s2 = (uint32_t)bias[2],
             s3 = (uint32_t)bias[3];
    const int8_t *end = x + n / 4 * 4;
    for (; x < end; x += 4, w += 16) {
        const uint32_t word = nn_load4(x), even = nn_sxtb16(word), odd = nn_sxtb16_high(word);
        s0 = nn_add_four(s0, w, even, odd);
        s1 = nn_add_four(s1, w + 4, even, odd);
        s2 = nn_add_four(s2, w + 8, even, odd);
        s3 = nn_add_four(s3, w + 12, even, odd);
    }
    if (n % 4 != 0) {
        uint32_t rest = 0;
        memcpy(&rest, x, (size_t)(n % 4));
        const uint32_t even = nn_sxtb16(rest), odd = nn_sxtb16_high(rest);
        s0 = nn_add_four(s0, w, even, odd);
        s1 = nn_add_four(s1, w + 4, even, odd);
        s2 = nn_add_four(s2, w + 8, even, odd);
        s3 = nn_add_four(s3, w + 12, even, odd);
    }
    sums[0] = (int32_t)s0;
    sums[1] = (int32_t)s1;
    sums[2] = (int32_t)s2;
    sums[3] = (int32_t)s3;
}

#endif
