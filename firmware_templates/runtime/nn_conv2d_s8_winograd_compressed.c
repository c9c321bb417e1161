#include "nn_conv2d_winograd_compressed.h"

#include "nn_winograd_tiles.h"

/* Where weights are expanded: the table, and two output channels. */
typedef struct {
    const nn_conv2d_winograd_compressed_params *params;
    const uint16_t *table;
    uint32_t *expanded;
    const uint32_t **next; /* the weights of the next two channels */
} compressed_source;

/* Channels come in order, again and again from the first one on. */
static void nn_winograd_make(const nn_conv2d_winograd_params *p, const void *source,
                             int32_t channel, uint32_t *u)
{
    const compressed_source *from = source;
    const nn_conv2d_winograd_compressed_params *params = from->params;
    const uint32_t *stored = channel > 0 ? *from->next : params->weights;
    const int8_t *weights = (const int8_t *)from->expanded;
    for (int32_t i = 0; i < 4; i += 2) {
        stored = params->expand(stored, params->blocks, from->table, from->expanded);
        nn_winograd_weights(weights, p->in_c, u + i);
        nn_winograd_weights(weights + 9 * p->in_c, p->in_c, u + i + 1);
    }
    *from->next = stored;
}

void nn_conv2d_s8_winograd_compressed(const nn_conv2d_winograd_compressed_params *p,
                                      const int8_t *in, int8_t *out, int8_t *scratch)
{
    uint16_t *table = (uint16_t *)(void *)scratch;
    uint32_t *expanded = (uint32_t *)(void *)(scratch + NN_CODEBOOK_TABLE_BYTES(p->bits));
    const uint32_t *next = p->weights;
    compressed_source source = {p, table, expanded, &next};
    nn_codebook_table(p->centroids, p->bits, 0xff, table);
    nn_winograd_run_time(&p->tiles, &source, in, out, (int8_t *)(expanded + p->words));
}
