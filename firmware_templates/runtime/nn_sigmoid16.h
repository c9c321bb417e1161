/*
 * Logistic function and hyperbolic tangent in 16 bits, interpolated as TensorFlow Lite Micro does.
 * The twin of toolchain/sigmoid16.py. Arguments are int32 in steps of 2^-12 / 3, of at most 2^30
 * in size, results have steps of 2^-15.
 */
#ifndef NN_SIGMOID16_H
#define NN_SIGMOID16_H

#include <stdint.h>

/* The logistic function of k / 24, times 2^16. */
extern const uint16_t nn_sigmoid16_table[256];

/* The table at size / 2^bits, times 2^bits; `most` behind its end. */
static inline int32_t nn_sigmoid16_between(uint32_t size, uint32_t bits, uint32_t most)
{
    uint32_t k = size >> bits;
    if (k >= 255) {
        return (int32_t)(most << bits);
    }
    uint32_t below = nn_sigmoid16_table[k], above = nn_sigmoid16_table[k + 1];
    return (int32_t)((below << bits) + (size & ((1u << bits) - 1u)) * (above - below));
}

static inline int32_t nn_logistic16(int32_t x)
{
    int32_t y = nn_sigmoid16_between((uint32_t)(x < 0 ? -x : x), 9, 2u * 0x7FFFu);
    return (x < 0 ? (1 << 25) - y + (1 << 9) - 1 : y + (1 << 9)) >> 10;
}

static inline int32_t nn_tanh16(int32_t x)
{
    int32_t y = nn_sigmoid16_between((uint32_t)(x < 0 ? -x : x), 8, 0xFFFFu) - (1 << 23);
    return (x < 0 ? -y + (1 << 7) - 1 : y + (1 << 7)) >> 8;
}

#endif
