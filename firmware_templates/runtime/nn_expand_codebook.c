#include "nn_expand.h"

void nn_codebook_table(const int8_t *centroids, int32_t bits, int32_t first_mask, uint16_t *table)
{
    const int8_t *end = centroids + (1 << bits);
    if (bits <= 4) {
        for (const int8_t *second = centroids; second != end; second++) {
            for (const int8_t *first = centroids; first != end; first++) {
                *table++ = (uint16_t)(256 * *second + (*first & first_mask));
            }
        }
        return;
    }
    for (const int8_t *first = centroids; first != end; first++) {
        *table++ = (uint16_t)(*first & first_mask);
    }
    for (const int8_t *second = centroids; second != end; second++) {
        *table++ = (uint16_t)(256 * *second);
    }
}

/* The half-word of pair `at` of a block of 16. */
#define FROM_PAIRS(bits, at)                                                                       \
    ((uint32_t)table[NN_CODEBOOK_FIELD(indices, (at)*2 * (bits), 2 * (bits))])
#define FROM_SINGLES(bits, at)                                                                     \
    ((uint32_t)(uint16_t)(table[NN_CODEBOOK_FIELD(indices, (at)*2 * (bits), bits)] +               \
                          (table + (1 << (bits)))[NN_CODEBOOK_FIELD(                               \
                              indices, (at)*2 * (bits) + (bits), bits)]))

#define WORD(bits, from, at) words[at] = from(bits, 2 * (at)) | from(bits, 2 * (at) + 1) << 16

#define EXPAND(bits, from)                                                                         \
    const uint32_t *nn_expand_codebook_##bits(const uint32_t *restrict indices, int32_t blocks,    \
                                              const uint16_t *restrict table,                      \
                                              uint32_t *restrict words)                            \
    {                                                                                              \
        for (const uint32_t *end = words + 8 * blocks; words != end;                               \
             words += 8, indices += (bits)) {                                                      \
            WORD(bits, from, 0);                                                                   \
            WORD(bits, from, 1);                                                                   \
            WORD(bits, from, 2);                                                                   \
            WORD(bits, from, 3);                                                                   \
            WORD(bits, from, 4);                                                                   \
            WORD(bits, from, 5);                                                                   \
            WORD(bits, from, 6);                                                                   \
            WORD(bits, from, 7);                                                                   \
        }                                                                                          \
        return indices;                                                                            \
    }

EXPAND(1, FROM_PAIRS)
EXPAND(2, FROM_PAIRS)
EXPAND(3, FROM_PAIRS)
EXPAND(4, FROM_PAIRS)
EXPAND(5, FROM_SINGLES)
EXPAND(6, FROM_SINGLES)
