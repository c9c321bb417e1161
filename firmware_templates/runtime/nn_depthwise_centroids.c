#include "nn_depthwise_codebook.h"

const uint8_t *nn_depthwise_centroids(const nn_depthwise_codebook *p, const uint8_t *stored,
                                      int32_t n, int8_t *centroids)
{
    const int8_t *table = p->centroids, *end = centroids + n;
    int32_t bits = p->bits, there = 0;
    uint32_t mask = (1u << bits) - 1, field = 0;
    while (centroids != end) {
        if (there < bits) {
            field |= (uint32_t)*stored++ << there;
            there += 8;
        }
        *centroids++ = table[field & mask];
        field >>= bits;
        there -= bits;
    }
    return stored;
}
