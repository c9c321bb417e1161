#include "nn_fully_connected_codebook.h"

/* One row of some channels by their codebook; `scratch` is null for single centroids. */
static inline void multiply(const nn_fully_connected_codebook_groups_params *p, const int8_t *in,
                            int8_t *out, int8_t *scratch)
{
    int32_t rows = p->layer.rows, out_c = p->layer.out_c, channels = p->channels;
    for (int32_t row = 0; row < rows; row++, in += p->layer.in_c, out += out_c) {
        nn_fully_connected_codebook_params group = p->layer;
        group.rows = 1;
        for (int32_t c = 0; c < out_c; c += channels) {
            group.out_c = out_c - c < channels ? out_c - c : channels;
            if (scratch) {
                nn_fully_connected_s8_codebook(&group, in, out + c, scratch);
            } else {
                nn_fully_connected_s8_codebook_singles(&group, in, out + c);
            }
            group.centroids += 1 << group.bits;
            group.weights += p->words;
            group.bias += channels;
            group.codes.multiplier += channels;
            group.codes.half_shift += channels;
        }
    }
}

void nn_fully_connected_s8_codebook_groups(const nn_fully_connected_codebook_groups_params *p,
                                           const int8_t *in, int8_t *out, int8_t *scratch)
{
    multiply(p, in, out, scratch);
}

void nn_fully_connected_s8_codebook_groups_singles(
    const nn_fully_connected_codebook_groups_params *p, const int8_t *in, int8_t *out)
{
    multiply(p, in, out, 0);
}
