#include "nn_compressed_blocks.h"

static const uint16_t *nn_compressed_table(const nn_conv2d_compressed_params *p, int32_t channels,
                                           const uint16_t *tables, int32_t channel)
{
    (void)p;
    (void)channels;
    (void)channel;
    return tables;
}

void nn_conv2d_s8_compressed(const nn_conv2d_compressed_params *p, const int8_t *in, int8_t *out,
                             int8_t *scratch)
{
    int32_t pairs = p->image.shape.pairs, pixels = p->image.out_h * p->image.out_w;
    uint32_t *columns = (uint32_t *)(void *)scratch, *group = columns + 2 * p->block * pairs;
    uint16_t *table = (uint16_t *)(void *)(group + 16 + p->words);
    nn_gemm_place at = {0, 0};
    nn_codebook_table(p->centroids, p->bits, -1, table);
    while (pixels > 0) {
        int32_t n = pixels < 2 * p->block ? pixels : 2 * p->block;
        at = nn_compressed_gather(p, in, at, n, scratch);
        nn_compressed_multiply(p, 0, columns, n, group, table, out);
        out += n * p->image.out_c;
        pixels -= n;
    }
}
