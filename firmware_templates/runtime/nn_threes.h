/*
 * Three products by two multiplications, for cores that multiply 32 bits and no vectors.
 *
 * The inputs a, b, c of three output pixels that meet the same weight w are packed into two words,
 * X = a + 2^21 b and Y = c + 2^10 b. Sums of X w and Y w, modulo 2^32, then hold three sums A, B
 * and C of up to 21 bits each:
 *   X: A + 2^21 B           gives A from its low 21 bits, and then the low 11 bits of B;
 *   Y: C + 2^10 B           less those 11 bits is C + 2^21 (B >> 11), which gives the rest.
 * Sums of up to 60 products of int8 always are that short; longer ones are taken in parts.
 *
 * Weights are stored as w + 128, because the smallest cores load bytes with an offset only without
 * a sign. The 128 too much cost nothing: each part begins with -128 times the sum of its words.
 *
 * A part of n columns is 2 n + 2 words: where the sums of X and of Y begin, then n times X, Y.
 */
#ifndef NN_THREES_H
#define NN_THREES_H

#include <stdint.h>

#include "nn_port.h"

/* Sums of n columns (a multiple of four) times the n x 4 weights of four channels: X and Y of each
 * channel, beginning with the part's first two words. */
void nn_threes_product(const uint32_t *part, const uint8_t *weights, int32_t n, uint32_t sums[8]);

typedef struct {
    int32_t a, b, c;
} nn_threes_sums;

static inline int32_t nn_signed_21_bits(uint32_t x)
{
    return (int32_t)(x << 11) >> 11;
}

/* The three sums that are in those of X and Y. */
static inline nn_threes_sums nn_threes_unpack(uint32_t x, uint32_t y)
{
    nn_threes_sums sums;
    uint32_t low;
    sums.a = nn_signed_21_bits(x);
    low = (x - (uint32_t)sums.a) >> 21;
    y -= low << 10;
    sums.c = nn_signed_21_bits(y);
    sums.b = (int32_t)(((uint32_t)((int32_t)(y - (uint32_t)sums.c) >> 21) << 11) + low);
    return sums;
}

#endif
