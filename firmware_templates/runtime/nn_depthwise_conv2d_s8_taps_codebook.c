#include "nn_depthwise_codebook.h"

#include <string.h>

enum { NUMBERS = 9 }; /* words of four channels besides their taps */

void nn_depthwise_conv2d_s8_taps_codebook(const nn_depthwise_taps_codebook_params *p,
                                          const int8_t *in, int8_t *out, int8_t *scratch)
{
    nn_depthwise_taps_params layer = p->layer;
    const uint8_t *indices = p->weights.indices;
    const uint32_t *numbers = p->weights.numbers;
    int32_t bytes = 4 * p->layer.window.rows * p->layer.window.columns;
    int8_t *taps = scratch + 4 * NUMBERS;
    layer.weights = (const uint32_t *)(void *)scratch;
    layer.channels = 4;
    for (int32_t c = 0; c < p->layer.channels; c += 4, numbers += NUMBERS) {
        /* the last four overlap those before when channels are not a multiple of four */
        int32_t channel = c + 4 <= p->layer.channels ? c : p->layer.channels - 4;
        memcpy(scratch, numbers, 4 * NUMBERS);
        indices = nn_depthwise_centroids(&p->weights, indices, bytes, taps);
        nn_depthwise_conv2d_s8_taps(&layer, in + channel, out + channel, taps + bytes);
    }
}
