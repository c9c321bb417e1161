#include "nn_conv2d_gemm.h"

#include <string.h>

/* The corner of a window in the image, which it may leave. */
typedef struct {
    int32_t y, x;
} corner;

static corner corner_at(const nn_conv2d_gemm_params *p, int32_t oy, int32_t ox)
{
    corner c = {oy * p->stride_h - p->pad_top, ox * p->stride_w - p->pad_left};
    return c;
}

static int is_inside(const nn_conv2d_gemm_params *p, corner c)
{
    return c.y >= 0 && c.x >= 0 && c.y + (p->kernel_h - 1) * p->dilation_h < p->in_h &&
           c.x + p->kernel_w <= p->in_w;
}

/* A row of a window that leaves the image, with the zero point outside. */
static void copy_row(const nn_conv2d_gemm_params *p, const int8_t *in, int32_t y, int32_t x,
                     int8_t *row)
{
    int32_t in_c = p->in_c, first = x < 0 ? -x : 0;
    int32_t end = x + p->kernel_w > p->in_w ? p->in_w - x : p->kernel_w;
    memset(row, p->in_zero_point, (size_t)(p->kernel_w * in_c));
    if (y >= 0 && y < p->in_h && first < end) {
        memcpy(row + first * in_c, in + (y * p->in_w + x + first) * in_c,
               (size_t)((end - first) * in_c));
    }
}

/*
 * The columns of the windows at a and b: the whole words of each row, then the bytes that are left
 * of all rows together. rows has room for two rows and, behind them, twice what is left.
 */
static void columns_of(const nn_conv2d_gemm_params *p, const int8_t *in, uint32_t *columns,
                       int8_t *rows, corner a, corner b)
{
    int32_t bytes = p->kernel_w * p->in_c, left = bytes % 4, words = bytes - left;
    int32_t step = p->dilation_h * p->in_w * p->in_c;
    int inside = is_inside(p, a) && is_inside(p, b);
    int8_t *left_a = rows + 2 * bytes, *left_b = left_a + p->left_padded;
    const int8_t *row_a = rows, *row_b = rows + bytes;
    if (inside) {
        row_a = in + (a.y * p->in_w + a.x) * p->in_c;
        row_b = in + (b.y * p->in_w + b.x) * p->in_c;
    }
    for (int32_t ky = 0; ky < p->kernel_h; ky++) {
        if (!inside) {
            copy_row(p, in, a.y + ky * p->dilation_h, a.x, rows);
            copy_row(p, in, b.y + ky * p->dilation_h, b.x, rows + bytes);
        }
        columns = nn_widen2(row_a, row_b, columns, words);
        for (int32_t i = words; i < bytes; i++) {
            *left_a++ = row_a[i];
            *left_b++ = row_b[i];
        }
        row_a += inside ? step : 0;
        row_b += inside ? step : 0;
    }
    if (left != 0) {
        nn_widen2(rows + 2 * bytes, rows + 2 * bytes + p->left_padded, columns, p->left_padded);
    }
}

void nn_conv2d_s8_gemm(const nn_conv2d_gemm_params *p, const int8_t *in, int8_t *out,
                       int8_t *scratch)
{
    uint32_t *columns = (uint32_t *)(void *)scratch;
    int8_t *rows = scratch + 8 * p->shape.pairs;
    nn_gemm_shape shape = p->shape;
    int32_t pixels = p->out_h * p->out_w, oy = 0, ox = 0;
    for (int32_t i = 0; i < pixels; i += 2) {
        corner a = corner_at(p, oy, ox);
        if (++ox == p->out_w) {
            ox = 0;
            oy++;
        }
        corner b = corner_at(p, oy, ox);
        if (i + 1 == pixels) { /* a last pixel without a partner is its own */
            b = a;
            shape.out_stride = 0;
        }
        columns_of(p, in, columns, rows, a, b);
        p->gemm(columns, p->weights, out, &shape);
        out += 8 * shape.groups;
        if (++ox == p->out_w) {
            ox = 0;
            oy++;
        }
    }
}
