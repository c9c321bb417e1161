#include "nn_compressed_blocks.h"

static int32_t half_words(const nn_conv2d_compressed_params *p)
{
    return NN_CODEBOOK_TABLE_BYTES(p->bits) / 2;
}

static void make_tables(const nn_conv2d_compressed_params *p, int32_t channels, uint16_t *tables)
{
    const int8_t *centroids = p->centroids;
    for (int32_t c = 0; c < p->image.out_c; c += channels) {
        nn_codebook_table(centroids, p->bits, -1, tables);
        centroids += 1 << p->bits;
        tables += half_words(p);
    }
}

static const uint16_t *nn_compressed_table(const nn_conv2d_compressed_params *p, int32_t channels,
                                           const uint16_t *tables, int32_t channel)
{
    return tables + channel / channels * half_words(p);
}

void nn_conv2d_s8_compressed_groups(const nn_conv2d_compressed_groups_params *groups,
                                    const int8_t *in, int8_t *out, int8_t *scratch)
{
    const nn_conv2d_compressed_params *p = &groups->layer;
    int32_t pairs = p->image.shape.pairs, pixels = p->image.out_h * p->image.out_w;
    uint32_t *columns = (uint32_t *)(void *)scratch, *group = columns + 2 * p->block * pairs;
    uint16_t *tables = (uint16_t *)(void *)(group + 16 + p->words);
    nn_gemm_place at = {0, 0};
    make_tables(p, groups->channels, tables);
    while (pixels > 0) {
        int32_t n = pixels < 2 * p->block ? pixels : 2 * p->block;
        at = nn_compressed_gather(p, in, at, n, scratch);
        nn_compressed_multiply(p, groups->channels, columns, n, group, tables, out);
        out += n * p->image.out_c;
        pixels -= n;
    }
}
