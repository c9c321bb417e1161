#include "nn_conv2d.h"

#include "nn_dot.h"
#include "nn_fixedpoint.h"
#include "nn_window.h"

/* The taps of one output pixel that lie inside the image. */
typedef struct {
    int32_t y0, x0; /* the window's corner in the image */
    int32_t ky_begin, ky_end, kx_begin, kx_end;
} window;

static window window_at(const nn_conv2d_params *p, int32_t oy, int32_t ox)
{
    window w;
    w.y0 = oy * p->stride_h - p->pad_top;
    w.x0 = ox * p->stride_w - p->pad_left;
    w.ky_begin = nn_first_tap(w.y0, p->dilation_h);
    w.ky_end = nn_end_tap(w.y0, p->dilation_h, p->kernel_h, p->in_h);
    w.kx_begin = nn_first_tap(w.x0, p->dilation_w);
    w.kx_end = nn_end_tap(w.x0, p->dilation_w, p->kernel_w, p->in_w);
    return w;
}

/*
 * Adds one window's sums for `count` filters (1 or 4) from output channel oc on. Without dilation
 * a row of taps is contiguous in the image and in the filter.
 */
static void add_window(const nn_conv2d_params *p, const window *w, const int8_t *in, int32_t oc,
                       int32_t count, int32_t sum[4])
{
    int32_t filter_size = p->kernel_h * p->kernel_w * p->in_c;
    int32_t taps = p->dilation_w == 1 ? w->kx_end - w->kx_begin : 1;
    for (int32_t ky = w->ky_begin; ky < w->ky_end; ky++) {
        for (int32_t kx = w->kx_begin; kx < w->kx_end; kx += taps) {
            int32_t y = w->y0 + ky * p->dilation_h;
            int32_t x = w->x0 + kx * p->dilation_w;
            const int8_t *pixel = in + (y * p->in_w + x) * p->in_c;
            const int8_t *f = p->weights + oc * filter_size + (ky * p->kernel_w + kx) * p->in_c;
            if (count == 4) {
                nn_dot4(pixel, f, filter_size, taps * p->in_c, p->in_zero_point, sum);
            } else {
                sum[0] += nn_dot(pixel, f, taps * p->in_c, p->in_zero_point);
            }
        }
    }
}

void nn_conv2d_s8(const nn_conv2d_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            window w = window_at(p, oy, ox);
            int32_t count;
            for (int32_t oc = 0; oc < p->out_c; oc += count) {
                int32_t sum[4] = {0, 0, 0, 0};
                count = p->out_c - oc >= 4 ? 4 : 1;
                add_window(p, &w, in, oc, count, sum);
                for (int32_t k = 0; k < count; k++) {
                    int32_t acc = sum[k] + p->bias[oc + k];
                    acc = nn_requantize(acc, p->multiplier[oc + k], p->shift[oc + k]);
                    acc += p->out_zero_point;
                    *out++ = (int8_t)nn_clamp(acc, p->act_min, p->act_max);
                }
            }
        }
    }
}
