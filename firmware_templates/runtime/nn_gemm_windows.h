/*
 * Where the windows of a convolution's pixels are: in the image, or in copies with zero points
 * outside. For kernels that take them as nn_conv2d_gemm.h says; each uses all of these functions,
 * and `inline` would make the compiler spread them out.
 */
#ifndef NN_GEMM_WINDOWS_H
#define NN_GEMM_WINDOWS_H

#include <string.h>

#include "nn_conv2d_gemm.h"

/* The output columns whose windows can be read where they are. */
typedef struct {
    int32_t first, end;
} nn_gemm_span;

static nn_gemm_span nn_gemm_inside_of(const nn_conv2d_gemm_params *p)
{
    nn_gemm_span s = {0, 0};
    int32_t room = p->in_w - p->kernel_w + p->pad_left;
    if ((p->kernel_w * p->in_c & 3) < 2 && room >= 0) {
        s.first = (p->pad_left + p->stride_w - 1) / p->stride_w;
        s.end = room / p->stride_w + 1;
    }
    return s;
}

static int nn_gemm_is_inside(const nn_conv2d_gemm_params *p, int32_t oy)
{
    int32_t y = oy * p->stride_h - p->pad_top;
    return y >= 0 && y + (p->kernel_h - 1) * p->dilation_h < p->in_h;
}

static const int8_t *nn_gemm_window_at(const nn_conv2d_gemm_params *p, const int8_t *in, int32_t oy,
                                       int32_t ox)
{
    int32_t y = oy * p->stride_h - p->pad_top, x = ox * p->stride_w - p->pad_left;
    return in + (y * p->in_w + x) * p->in_c;
}

/* A window that may leave the image, with the zero point outside; `step` bytes from row to row. */
static void nn_gemm_copy_window(const nn_conv2d_gemm_params *p, const int8_t *in, int32_t oy,
                                int32_t ox, int8_t *to, int32_t step)
{
    int32_t y = oy * p->stride_h - p->pad_top, x = ox * p->stride_w - p->pad_left;
    int32_t row = p->kernel_w * p->in_c, first = x < 0 ? -x : 0;
    int32_t end = x + p->kernel_w > p->in_w ? p->in_w - x : p->kernel_w;
    for (int32_t ky = p->kernel_h; ky > 0; ky--, y += p->dilation_h, to += step) {
        int is_row = y >= 0 && y < p->in_h && first < end;
        if (!is_row || end - first < p->kernel_w) {
            memset(to, p->in_zero_point, (size_t)row);
        }
        if (is_row) {
            memcpy(to + first * p->in_c, in + (y * p->in_w + x + first) * p->in_c,
                   (size_t)((end - first) * p->in_c));
        }
    }
}

/* Where the next pixel is. */
typedef struct {
    int32_t oy, ox;
} nn_gemm_place;

static nn_gemm_place nn_gemm_after(const nn_conv2d_gemm_params *p, nn_gemm_place at)
{
    nn_gemm_place next = {at.oy, at.ox + 1};
    if (next.ox == p->out_w) {
        next.oy++;
        next.ox = 0;
    }
    return next;
}

/* Two windows of which one cannot be read where it is. */
static void nn_gemm_copy_windows(const nn_conv2d_gemm_params *p, const int8_t *in, nn_gemm_place a,
                                 nn_gemm_place b, int8_t *copies, nn_gemm_run *run)
{
    int32_t row = p->kernel_w * p->in_c, step = row, apart = p->shape.row_bytes;
    if ((row & 3) < 2) {
        step = 2 * row;
        apart = row;
    }
    nn_gemm_copy_window(p, in, a.oy, a.ox, copies, step);
    nn_gemm_copy_window(p, in, b.oy, b.ox, copies + apart, step);
    run->a = copies;
    run->b = copies + apart;
    run->row_step = step;
}

#endif
