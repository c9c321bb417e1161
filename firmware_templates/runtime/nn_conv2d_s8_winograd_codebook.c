#include "nn_conv2d_winograd_codebook.h"

#include "nn_winograd_tiles.h"

/* Where weights are decoded: the table, and two output channels. */
typedef struct {
    const nn_conv2d_winograd_codebook_params *params;
    const uint16_t *table;
    uint32_t *decoded;
    int32_t blocks; /* of 32 indices, in two channels */
} codebook_source;

static void nn_winograd_make(const nn_conv2d_winograd_params *p, const void *source,
                             int32_t channel, uint32_t *u)
{
    const codebook_source *from = source;
    int32_t step = from->params->bits * from->blocks;
    const uint32_t *indices = from->params->indices + channel / 2 * step;
    const int8_t *weights = (const int8_t *)from->decoded;
    for (int32_t i = 0; i < 4; i += 2, indices += step) {
        from->params->expand(indices, from->blocks, from->table, from->decoded);
        nn_winograd_weights(weights, p->in_c, u + i);
        nn_winograd_weights(weights + 9 * p->in_c, p->in_c, u + i + 1);
    }
}

void nn_conv2d_s8_winograd_codebook(const nn_conv2d_winograd_codebook_params *p, const int8_t *in,
                                    int8_t *out, int8_t *scratch)
{
    uint16_t *table = (uint16_t *)(void *)scratch;
    int32_t blocks = (18 * p->tiles.in_c + 31) / 32;
    scratch += NN_CODEBOOK_TABLE_BYTES(p->bits);
    codebook_source source = {p, table, (uint32_t *)(void *)scratch, blocks};
    nn_codebook_table(p->centroids, p->bits, 0xff, table);
    nn_winograd_run_time(&p->tiles, &source, in, out, scratch + 32 * blocks);
}
