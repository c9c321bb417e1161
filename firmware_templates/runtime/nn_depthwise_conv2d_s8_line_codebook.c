#include "nn_depthwise_codebook.h"

#include <string.h>

enum { MOST_TAPS = 15 };

void nn_depthwise_conv2d_s8_line_codebook(const nn_depthwise_line_codebook_params *p,
                                          const int8_t *in, int8_t *out, int8_t *scratch)
{
    nn_depthwise_line_params layer = p->layer;
    const uint8_t *indices = p->weights.indices;
    const uint32_t *numbers = p->weights.numbers;
    int32_t size = p->layer.size, bytes = 4 * p->layer.line.tap_words;
    layer.weights = (const uint32_t *)(void *)scratch;
    layer.channels = 4;
    for (int32_t c = 0; c < p->layer.channels; c += 4) {
        /* the last four overlap those before when channels are not a multiple of four */
        int32_t channel = c + 4 <= p->layer.channels ? c : p->layer.channels - 4;
        int8_t taps[4 * MOST_TAPS], *to = scratch + 4;
        const int8_t *tap = taps;
        memcpy(scratch, numbers++, 4);
        indices = nn_depthwise_centroids(&p->weights, indices, 4 * size, taps);
        for (int32_t i = 0; i < 4; i++, to += bytes + 8, numbers += 2) {
            memset(to, 0, (size_t)bytes);
            for (int32_t k = 0; k < size; k++) {
                to[(k & ~3) + (k & 1) * 2 + (k >> 1 & 1)] = *tap++; /* 0 2 1 3 */
            }
            memcpy(to + bytes, numbers, 8);
        }
        nn_depthwise_conv2d_s8_line(&layer, in + channel, out + channel, to);
    }
}
