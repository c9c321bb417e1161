#include "nn_conv2d_gemm.h"

#include "nn_port.h"

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

/* The bytes of four or fewer rows that end one byte after a word, as one word for each pixel. */
static void columns_of_left_bytes(const int8_t *a, const int8_t *b, int32_t step, int32_t rows,
                                  uint32_t *columns)
{
    uint32_t x = 0, y = 0;
    for (int32_t shift = 0; rows > 0; rows--, shift += 8, a += step, b += step) {
        x |= (uint32_t)(uint8_t)*a << shift;
        y |= (uint32_t)(uint8_t)*b << shift;
    }
    columns[0] = nn_sxtb16(x);
    columns[1] = nn_sxtb16(y);
    columns[2] = nn_sxtb16_high(x);
    columns[3] = nn_sxtb16_high(y);
}

/*
 * The columns of two windows whose rows lie `step` bytes apart from a and b on: the whole words of
 * each row, then the bytes that are left of all rows together. rest has room for those, twice.
 */
static NN_NOINLINE void columns_of_rows(const nn_conv2d_gemm_params *p, const int8_t *a,
                                        const int8_t *b, int32_t step, uint32_t *columns,
                                        int8_t *rest)
{
    int32_t bytes = p->kernel_w * p->in_c, left = bytes % 4, words = bytes - left;
    int32_t rows = p->kernel_h, left_padded = p->left_padded;
    const int8_t *row_a = a, *row_b = b;
    for (int32_t ky = rows; ky > 0; ky--, row_a += step, row_b += step) {
        columns = nn_widen2(row_a, row_b, columns, words);
    }
    if (left == 1 && left_padded == 4) {
        columns_of_left_bytes(a + words, b + words, step, rows, columns);
    } else if (left != 0) {
        int8_t *to = rest;
        for (int32_t ky = 0; ky < rows; ky++, a += step, b += step, to += left) {
            memcpy(to, a + words, (size_t)left);
            memcpy(to + left_padded, b + words, (size_t)left);
        }
        nn_widen2(rest, rest + left_padded, columns, left_padded);
    }
}

/* The same for windows that leave the image: each row is copied first. rows has room for two. */
static void columns_of_copies(const nn_conv2d_gemm_params *p, const int8_t *in, corner a, corner b,
                              uint32_t *columns, int8_t *rows, int8_t *rest)
{
    int32_t bytes = p->kernel_w * p->in_c, left = bytes % 4, words = bytes - left;
    int8_t *to = rest;
    for (int32_t ky = 0; ky < p->kernel_h; ky++, to += left) {
        copy_row(p, in, a.y + ky * p->dilation_h, a.x, rows);
        copy_row(p, in, b.y + ky * p->dilation_h, b.x, rows + bytes);
        columns = nn_widen2(rows, rows + bytes, columns, words);
        memcpy(to, rows + words, (size_t)left);
        memcpy(to + p->left_padded, rows + bytes + words, (size_t)left);
    }
    if (left != 0) {
        nn_widen2(rest, rest + p->left_padded, columns, p->left_padded);
    }
}

void nn_conv2d_s8_gemm(const nn_conv2d_gemm_params *p, const int8_t *in, int8_t *out,
                       int8_t *scratch)
{
    uint32_t *columns = (uint32_t *)(void *)scratch;
    int8_t *rest = scratch + 8 * p->shape.pairs, *rows = rest + 2 * p->left_padded;
    int32_t pitch = p->in_w * p->in_c;
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
        if (is_inside(p, a) && is_inside(p, b)) {
            columns_of_rows(p, in + a.y * pitch + a.x * p->in_c, in + b.y * pitch + b.x * p->in_c,
                            p->dilation_h * pitch, columns, rest);
        } else {
            columns_of_copies(p, in, a, b, columns, rows, rest);
        }
        p->gemm(columns, p->weights, out, &shape);
        out += 8 * shape.groups;
        if (++ox == p->out_w) {
            ox = 0;
            oy++;
        }
    }
}
