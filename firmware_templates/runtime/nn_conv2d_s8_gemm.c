#include "nn_conv2d_gemm.h"

#include <string.h>

/* The output columns whose windows can be read where they are. */
typedef struct {
    int32_t first, end;
} span;

static span inside_of(const nn_conv2d_gemm_params *p)
{
    span s = {0, 0};
    int32_t room = p->in_w - p->kernel_w + p->pad_left;
    if ((p->kernel_w * p->in_c & 3) < 2 && room >= 0) {
        s.first = (p->pad_left + p->stride_w - 1) / p->stride_w;
        s.end = room / p->stride_w + 1;
    }
    return s;
}

static int is_inside(const nn_conv2d_gemm_params *p, int32_t oy)
{
    int32_t y = oy * p->stride_h - p->pad_top;
    return y >= 0 && y + (p->kernel_h - 1) * p->dilation_h < p->in_h;
}

static const int8_t *window_at(const nn_conv2d_gemm_params *p, const int8_t *in, int32_t oy,
                               int32_t ox)
{
    int32_t y = oy * p->stride_h - p->pad_top, x = ox * p->stride_w - p->pad_left;
    return in + (y * p->in_w + x) * p->in_c;
}

/* A window that may leave the image, with the zero point outside; `step` bytes from row to row. */
static void copy_window(const nn_conv2d_gemm_params *p, const int8_t *in, int32_t oy, int32_t ox,
                        int8_t *to, int32_t step)
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
} place;

static place after(const nn_conv2d_gemm_params *p, place at)
{
    place next = {at.oy, at.ox + 1};
    if (next.ox == p->out_w) {
        next.oy++;
        next.ox = 0;
    }
    return next;
}

/* Two windows of which one cannot be read where it is. */
static void copy_windows(const nn_conv2d_gemm_params *p, const int8_t *in, place a, place b,
                         int8_t *copies, nn_gemm_run *run)
{
    int32_t row = p->kernel_w * p->in_c, step = row, apart = p->shape.row_bytes;
    if ((row & 3) < 2) {
        step = 2 * row;
        apart = row;
    }
    copy_window(p, in, a.oy, a.ox, copies, step);
    copy_window(p, in, b.oy, b.ox, copies + apart, step);
    run->a = copies;
    run->b = copies + apart;
    run->row_step = step;
}

void nn_conv2d_s8_gemm(const nn_conv2d_gemm_params *p, const int8_t *in, int8_t *out,
                       int8_t *scratch)
{
    int32_t pixels = p->out_h * p->out_w, pixel_step = p->stride_w * p->in_c;
    span inside = inside_of(p);
    place at = {0, 0};
    nn_gemm_run run = {.out = out,
                       .columns = (uint32_t *)(void *)scratch,
                       .weights = p->weights,
                       .step = 2 * pixel_step};
    while (pixels > 0) {
        place next = pixels > 1 ? after(p, at) : at; /* a last pixel is its own partner */
        int32_t count = 1;
        if (is_inside(p, at.oy) && at.ox >= inside.first && at.ox < inside.end &&
            is_inside(p, next.oy) && next.ox >= inside.first && next.ox < inside.end) {
            run.a = window_at(p, in, at.oy, at.ox);
            run.b = window_at(p, in, next.oy, next.ox);
            run.row_step = p->dilation_h * p->in_w * p->in_c;
            if (next.ox > at.ox) {
                count = (inside.end - at.ox) / 2;
            }
        } else {
            copy_windows(p, in, at, next, scratch + p->copies, &run);
        }
        run.count = count;
        run.out_stride = pixels > 1 ? p->out_c : 0;
        p->gemm(&run, &p->shape);
        run.out += 2 * count * p->out_c;
        pixels -= 2 * count;
        next.ox += 2 * (count - 1);
        at = after(p, next);
    }
}
