#include "nn_conv2d_codebook.h"

#include "nn_gemm_windows.h"

/* Two windows become columns, as nn_gemm_s8_2x4 does it. */
static void widen(const nn_gemm_run *run, const nn_gemm_shape *shape, uint32_t *columns)
{
    const int8_t *a = run->a, *b = run->b;
    int32_t bytes = shape->row_bytes, gap = run->row_step - bytes;
    for (int32_t row = 0; row < shape->rows; row++, a += gap, b += gap) {
        for (const int8_t *end = a + bytes; a != end; a += 4, b += 4, columns += 4) {
            uint32_t x = nn_load4(a), y = nn_load4(b);
            columns[0] = nn_sxtb16(x);
            columns[1] = nn_sxtb16(y);
            columns[2] = nn_sxtb16_high(x);
            columns[3] = nn_sxtb16_high(y);
        }
    }
    /* the byte that each row has more, of two rows at a time; a last one meets a weight of zero */
    for (int32_t row = 0; row < shape->longer_rows; row += 2, columns += 2) {
        int32_t i = row * run->row_step + bytes;
        int32_t next = row + 1 < shape->longer_rows ? i + run->row_step : i;
        columns[0] = (uint32_t)(uint16_t)run->a[i] | (uint32_t)run->a[next] << 16;
        columns[1] = (uint32_t)(uint16_t)run->b[i] | (uint32_t)run->b[next] << 16;
    }
}

/* The columns of n pixels from `at` on; returns the place behind them. A last pixel of an odd
 * number is its own partner. */
static nn_gemm_place gather(const nn_conv2d_codebook_params *p, const int8_t *in, nn_gemm_place at,
                            int32_t n, int8_t *scratch)
{
    const nn_conv2d_gemm_params *image = &p->image;
    nn_gemm_span inside = nn_gemm_inside_of(image);
    uint32_t *columns = (uint32_t *)(void *)scratch;
    for (int32_t i = 0; i < n; i += 2, columns += 2 * image->shape.pairs) {
        nn_gemm_place next = i + 1 < n ? nn_gemm_after(image, at) : at;
        nn_gemm_run run = {.row_step = image->dilation_h * image->in_w * image->in_c};
        if (nn_gemm_is_inside(image, at.oy) && at.ox >= inside.first && at.ox < inside.end &&
            nn_gemm_is_inside(image, next.oy) && next.ox >= inside.first && next.ox < inside.end) {
            run.a = nn_gemm_window_at(image, in, at.oy, at.ox);
            run.b = nn_gemm_window_at(image, in, next.oy, next.ox);
        } else {
            nn_gemm_copy_windows(image, in, at, next, scratch + image->copies, &run);
        }
        widen(&run, &image->shape, columns);
        at = nn_gemm_after(image, next);
    }
    return at;
}

/* The outputs of n pixels from their columns; `group` is scratch. */
static void multiply(const nn_conv2d_codebook_params *p, const uint32_t *columns, int32_t n,
                     uint32_t *group, const uint16_t *table, int8_t *out)
{
    int32_t pairs = p->image.shape.pairs, stride = p->image.out_c, blocks = (pairs + 3) / 4;
    nn_gemm_block both = {pairs, stride, n / 2}, last = {pairs, 0, 1};
    const uint32_t *weights = p->image.weights;
    for (int32_t c = 0; c < stride; c += 4) {
        memcpy(group, weights, 16);
        p->expand(weights + 4, blocks, table, group + 4);
        weights += 4 + p->bits * blocks;
        memcpy(group + 4 + 2 * pairs, weights, 4 * (size_t)p->numbers);
        weights += p->numbers;
        if (n > 1) {
            p->group(columns, group, out + c, &both);
        }
        if (n & 1) {
            p->group(columns + (n - 1) * pairs, group, out + (n - 1) * stride + c, &last);
        }
    }
}

void nn_conv2d_s8_codebook(const nn_conv2d_codebook_params *p, const int8_t *in, int8_t *out,
                           int8_t *scratch)
{
    int32_t pairs = p->image.shape.pairs, pixels = p->image.out_h * p->image.out_w;
    uint32_t *columns = (uint32_t *)(void *)scratch, *group = columns + 2 * p->block * pairs;
    uint16_t *table = (uint16_t *)(void *)(group + 16 + (pairs + 3) / 4 * 8);
    nn_gemm_place at = {0, 0};
    nn_codebook_table(p->centroids, p->bits, -1, table);
    while (pixels > 0) {
        int32_t n = pixels < 2 * p->block ? pixels : 2 * p->block;
        at = gather(p, in, at, n, scratch);
        multiply(p, columns, n, group, table, out);
        out += n * p->image.out_c;
        pixels -= n;
    }
}
