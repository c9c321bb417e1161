/*
 * Weights as indices of a codebook: `bits` bits each, 1 to 6, and a table of 2^bits int8 centroids.
 *
 * 32 indices are `bits` words. The first index has the lowest bits of the first word; an index may
 * begin in one word and end in the next. Two neighbouring indices are a pair, one field of twice
 * the bits, whose low half is the first one.
 */
#ifndef NN_CODEBOOK_H
#define NN_CODEBOOK_H

#include <stdint.h>

/* The `bits` bits from bit `at` on of the words w; all constants, so that one instruction is left
 * of it, or three where the field lies in two words. */
#define NN_CODEBOOK_FIELD(w, at, bits)                                                             \
    (((w)[(at) / 32] >> (at) % 32 |                                                                \
      ((at) % 32 + (bits) > 32 ? (w)[(at) / 32 + 1] << (-(at)&31) : 0u)) &                         \
     ((1u << (bits)) - 1u))

#endif
