/*
 * Depthwise convolutions part by part of the channels that share a codebook.
 */
#ifndef NN_DEPTHWISE_GROUPS_H
#define NN_DEPTHWISE_GROUPS_H

#include "nn_depthwise_codebook.h"

/* The first channel of the part from channel `at` on, and how many it has: four at least. */
static inline int32_t nn_depthwise_part(const nn_depthwise_groups *groups, int32_t channels,
                                        int32_t at, int32_t *count)
{
    int32_t left = channels - at < groups->channels ? channels - at : groups->channels;
    *count = left < 4 ? 4 : left;
    return left < 4 ? channels - 4 : at;
}

/* From one whole part's weights to the next one's. */
static inline void nn_depthwise_next(const nn_depthwise_groups *groups,
                                     nn_depthwise_codebook *weights)
{
    weights->centroids += 1 << weights->bits;
    weights->numbers += groups->channels / 4 * 9;
    weights->indices += groups->index_bytes;
}

#endif
