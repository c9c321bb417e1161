#include "nn_conv2d_winograd_compressed.h"

#include "nn_winograd_tiles.h"

/* Where weights are expanded: the table, and two output channels. */
typedef struct {
    const nn_conv2d_winograd_compressed_groups_params *params;
    uint16_t *table;
    uint32_t *expanded;
    const uint32_t **next; /* the weights of the next two channels */
} compressed_source;

/* Channels come in order, again and again from the first one on. */
static void nn_winograd_make(const nn_conv2d_winograd_params *p, const void *source,
                             int32_t channel, uint32_t *u)
{
    const compressed_source *from = source;
    const nn_conv2d_winograd_compressed_params *params = &from->params->layer;
    const uint32_t *stored = channel > 0 ? *from->next : params->weights;
    const int8_t *weights = (const int8_t *)from->expanded;
    int32_t codebook = channel / from->params->channels;
    if (channel == codebook * from->params->channels) {
        const int8_t *centroids = params->centroids + (codebook << params->bits);
        nn_codebook_table(centroids, params->bits, 0xff, from->table);
    }
    for (int32_t i = 0; i < 4; i += 2) {
        stored = params->expand(stored, params->blocks, from->table, from->expanded);
        nn_winograd_weights(weights, p->in_c, u + i);
        nn_winograd_weights(weights + 9 * p->in_c, p->in_c, u + i + 1);
    }
    *from->next = stored;
}

void nn_conv2d_s8_winograd_compressed_groups(const nn_conv2d_winograd_compressed_groups_params *p,
                                             const int8_t *in, int8_t *out, int8_t *scratch)
{
    const nn_conv2d_winograd_compressed_params *layer = &p->layer;
    uint32_t *expanded = (uint32_t *)(void *)(scratch + NN_CODEBOOK_TABLE_BYTES(layer->bits));
    const uint32_t *next = layer->weights;
    compressed_source source = {p, (uint16_t *)(void *)scratch, expanded, &next};
    nn_winograd_run_time(&layer->tiles, &source, in, out, (int8_t *)(expanded + layer->words));
}
