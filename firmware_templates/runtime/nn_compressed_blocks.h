/*
 * Convolution by weights in fewer bits, block by block of pixels, for the files that differ in the
 * tables of nn_expand.h.
 */
#ifndef NN_COMPRESSED_BLOCKS_H
#define NN_COMPRESSED_BLOCKS_H

#include "nn_conv2d_compressed.h"
#include "nn_gemm_windows.h"

/* The table for the four output channels from `channel` on, of which `channels` share one; defined
 * by the file that includes this one. */
static const uint16_t *nn_compressed_table(const nn_conv2d_compressed_params *p, int32_t channels,
                                           const uint16_t *tables, int32_t channel);

/* The windows of `count` pairs of pixels become columns, as nn_gemm_s8_2x4 does it; returns their
 * end. */
static uint32_t *nn_compressed_widen(const nn_gemm_run *run, const nn_gemm_shape *shape)
{
    const int8_t *first = run->a, *second = run->b;
    uint32_t *next_columns = run->columns;
    int32_t bytes = shape->row_bytes, row_step = run->row_step;
    for (int32_t i = run->count; i > 0; i--, first += run->step, second += run->step) {
        const int8_t *a = first, *b = second;
        uint32_t *columns = next_columns; /* less than all when K is filled up to two pairs */
        next_columns += 2 * shape->pairs;
        for (int32_t row = shape->rows; row > 0;
             row--, a += row_step - bytes, b += row_step - bytes) {
            for (const int8_t *end = a + bytes; a != end; a += 4, b += 4, columns += 4) {
                uint32_t x = nn_load4(a), y = nn_load4(b);
                columns[0] = nn_sxtb16(x);
                columns[1] = nn_sxtb16(y);
                columns[2] = nn_sxtb16_high(x);
                columns[3] = nn_sxtb16_high(y);
            }
        }
        /* the byte that each row has more, of two rows at a time; a last one meets a weight of zero
         */
        a = first + bytes;
        b = second + bytes;
        for (int32_t row = shape->longer_rows; row > 0; row -= 2, columns += 2) {
            int32_t next = row > 1 ? row_step : 0;
            columns[0] = (uint32_t)(uint16_t)*a | (uint32_t)a[next] << 16;
            columns[1] = (uint32_t)(uint16_t)*b | (uint32_t)b[next] << 16;
            a += 2 * next;
            b += 2 * next;
        }
    }
    return next_columns;
}

/* The columns of n pixels from `at` on; returns the place behind them. A last pixel of an odd
 * number is its own partner. */
static nn_gemm_place nn_compressed_gather(const nn_conv2d_compressed_params *p, const int8_t *in,
                                          nn_gemm_place at, int32_t n, int8_t *scratch)
{
    const nn_conv2d_gemm_params *image = &p->image;
    nn_gemm_span inside = nn_gemm_inside_of(image);
    nn_gemm_run run = {.columns = (uint32_t *)(void *)scratch,
                       .step = 2 * image->stride_w * image->in_c};
    while (n > 0) {
        nn_gemm_place next = n > 1 ? nn_gemm_after(image, at) : at;
        run.count = 1;
        if (nn_gemm_is_inside(image, at.oy) && at.ox >= inside.first && at.ox < inside.end &&
            nn_gemm_is_inside(image, next.oy) && next.ox >= inside.first && next.ox < inside.end) {
            run.a = nn_gemm_window_at(image, in, at.oy, at.ox);
            run.b = nn_gemm_window_at(image, in, next.oy, next.ox);
            run.row_step = image->dilation_h * image->in_w * image->in_c;
            if (next.ox > at.ox) {
                int32_t pixels = inside.end - at.ox;
                run.count = (pixels < n ? pixels : n) / 2;
            }
        } else {
            nn_gemm_copy_windows(image, in, at, next, scratch + image->copies, &run);
        }
        run.columns = nn_compressed_widen(&run, &image->shape);
        n -= 2 * run.count;
        next.ox += 2 * (run.count - 1);
        at = nn_gemm_after(image, next);
    }
    return at;
}

/* The outputs of n pixels from their columns; `group` is scratch. */
static void nn_compressed_multiply(const nn_conv2d_compressed_params *p, int32_t channels,
                                   const uint32_t *columns, int32_t n, uint32_t *group,
                                   const uint16_t *tables, int8_t *out)
{
    int32_t pairs = p->image.shape.pairs, stride = p->image.out_c;
    nn_gemm_block both = {pairs, stride, n / 2}, last = {pairs, 0, 1};
    const uint32_t *weights = p->image.weights;
    for (int32_t c = 0; c < stride; c += 4) {
        memcpy(group, weights, 16);
        weights = p->expand(weights + 4, p->blocks, nn_compressed_table(p, channels, tables, c),
                            group + 4);
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

#endif
