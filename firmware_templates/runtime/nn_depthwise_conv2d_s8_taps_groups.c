#include "nn_depthwise_groups.h"

void nn_depthwise_conv2d_s8_taps_groups(const nn_depthwise_taps_groups_params *p, const int8_t *in,
                                        int8_t *out, int8_t *scratch)
{
    nn_depthwise_taps_codebook_params part = p->one;
    int32_t channels = p->one.layer.channels;
    for (int32_t c = 0; c < channels; c += p->groups.channels) {
        int32_t first = nn_depthwise_part(&p->groups, channels, c, &part.layer.channels);
        nn_depthwise_conv2d_s8_taps_codebook(&part, in + first, out + first, scratch);
        nn_depthwise_next(&p->groups, &part.weights);
    }
}
