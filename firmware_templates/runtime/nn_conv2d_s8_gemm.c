#include "nn_conv2d_gemm.h"

#include <string.h>

/* Row y of the window that starts at column x: in place, or in `row` where it leaves the image. */
static const int8_t *window_row(const nn_conv2d_gemm_params *p, const int8_t *in, int32_t y,
                                int32_t x, int8_t *row)
{
    int32_t in_c = p->in_c, kernel_w = p->kernel_w, in_w = p->in_w;
    int inside = (uint32_t)y < (uint32_t)p->in_h;
    if (inside && x >= 0 && x + kernel_w <= in_w) {
        return in + (y * in_w + x) * in_c;
    }
    memset(row, p->in_zero_point, (size_t)(kernel_w * in_c));
    if (inside) {
        int32_t first = x < 0 ? -x : 0;
        int32_t end = x + kernel_w > in_w ? in_w - x : kernel_w;
        if (first < end) {
            memcpy(row + first * in_c, in + (y * in_w + x + first) * in_c,
                   (size_t)((end - first) * in_c));
        }
    }
    return row;
}

/* The columns of two windows whose corners are (ya, xa) and (yb, xb). */
static void columns_of(const nn_conv2d_gemm_params *p, const int8_t *in, uint32_t *columns,
                       int8_t *rows, int32_t ya, int32_t xa, int32_t yb, int32_t xb)
{
    int32_t bytes = p->kernel_w * p->in_c;
    if (bytes % 4 == 0) {
        for (int32_t ky = 0; ky < p->kernel_h; ky++, ya += p->dilation_h, yb += p->dilation_h) {
            const int8_t *a = window_row(p, in, ya, xa, rows);
            const int8_t *b = window_row(p, in, yb, xb, rows + bytes);
            columns = nn_widen2(a, b, columns, bytes);
        }
        return;
    }
    /* Rows that do not end at a word are put together first; what pads them has zero weights. */
    int8_t *a = rows, *b = rows + p->k_padded;
    for (int32_t ky = 0; ky < p->kernel_h; ky++, ya += p->dilation_h, yb += p->dilation_h) {
        const int8_t *row = window_row(p, in, ya, xa, a);
        if (row != a) {
            memcpy(a, row, (size_t)bytes);
        }
        row = window_row(p, in, yb, xb, b);
        if (row != b) {
            memcpy(b, row, (size_t)bytes);
        }
        a += bytes;
        b += bytes;
    }
    nn_widen2(rows, rows + p->k_padded, columns, p->k_padded);
}

void nn_conv2d_s8_gemm(const nn_conv2d_gemm_params *p, const int8_t *in, int8_t *out,
                       int8_t *scratch)
{
    uint32_t *columns = (uint32_t *)(void *)scratch;
    int8_t *rows = scratch + 4 * p->k_padded;
    nn_gemm_shape shape = p->shape;
    int32_t channels = 4 * shape.groups, pixels = p->out_h * p->out_w;
    int32_t oy = 0, ox = 0;
    for (int32_t i = 0; i < pixels; i += 2) {
        int32_t ya = oy, xa = ox;
        if (++ox == p->out_w) {
            ox = 0;
            oy++;
        }
        if (i + 1 == pixels) { /* a last pixel without a partner is its own */
            oy = ya;
            ox = xa;
            shape.out_stride = 0;
        }
        columns_of(p, in, columns, rows, ya * p->stride_h - p->pad_top,
                   xa * p->stride_w - p->pad_left, oy * p->stride_h - p->pad_top,
                   ox * p->stride_w - p->pad_left);
        p->gemm(columns, p->weights, out, &shape);
        out += 2 * channels;
        if (++ox == p->out_w) {
            ox = 0;
            oy++;
        }
    }
}
