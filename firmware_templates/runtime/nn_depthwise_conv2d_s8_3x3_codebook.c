#include "nn_depthwise_codebook.h"

#include <string.h>

enum { TAPS = 9, WORDS = 5 }; /* of a channel */

void nn_depthwise_conv2d_s8_3x3_codebook(const nn_depthwise_3x3_codebook_params *p,
                                         const int8_t *in, int8_t *out, int8_t *scratch)
{
    nn_depthwise_3x3_params layer = p->layer;
    const uint8_t *indices = p->weights.indices;
    const uint32_t *numbers = p->weights.numbers;
    layer.weights = (const uint32_t *)(void *)scratch;
    layer.channels = 4;
    for (int32_t c = 0; c < p->layer.channels; c += 4) {
        /* the last four overlap those before when channels are not a multiple of four */
        int32_t channel = c + 4 <= p->layer.channels ? c : p->layer.channels - 4;
        int8_t taps[4 * TAPS], *to = scratch;
        const int8_t *besides = (const int8_t *)numbers++, *tap = taps;
        indices = nn_depthwise_centroids(&p->weights, indices, 4 * TAPS, taps);
        for (int32_t i = 0; i < 4; i++, to += 4 * WORDS, tap += TAPS, numbers += 2) {
            memcpy(to, tap, 4);
            memcpy(to + 4, tap + 2, 4);
            to[8] = tap[6];
            to[9] = besides[i];
            to[10] = tap[7];
            to[11] = tap[8];
            memcpy(to + 12, numbers, 8);
        }
        nn_depthwise_conv2d_s8_3x3(&layer, in + channel, out + channel, scratch + 16 * WORDS);
    }
}
