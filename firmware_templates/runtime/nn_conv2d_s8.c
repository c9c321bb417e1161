#include "nn_conv2d.h"

#include "nn_fixedpoint.h"
#include "nn_window.h"

/* The sum over one window and all input channels; (y0, x0) is the window's corner in the image. */
static int32_t window_sum(const nn_conv2d_params *p, const int8_t *in, const int8_t *w, int32_t y0,
                          int32_t x0)
{
    int32_t ky_end = nn_end_tap(y0, p->dilation_h, p->kernel_h, p->in_h);
    int32_t kx_begin = nn_first_tap(x0, p->dilation_w);
    int32_t kx_end = nn_end_tap(x0, p->dilation_w, p->kernel_w, p->in_w);
    int32_t zero_point = p->in_zero_point;
    int32_t sum = 0;
    for (int32_t ky = nn_first_tap(y0, p->dilation_h); ky < ky_end; ky++) {
        const int8_t *row = in + (y0 + ky * p->dilation_h) * p->in_w * p->in_c;
        for (int32_t kx = kx_begin; kx < kx_end; kx++) {
            const int8_t *x = row + (x0 + kx * p->dilation_w) * p->in_c;
            const int8_t *f = w + (ky * p->kernel_w + kx) * p->in_c;
            for (int32_t c = 0; c < p->in_c; c++) {
                sum += (x[c] - zero_point) * f[c];
            }
        }
    }
    return sum;
}

void nn_conv2d_s8(const nn_conv2d_params *p, const int8_t *in, int8_t *out)
{
    int32_t filter_size = p->kernel_h * p->kernel_w * p->in_c;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            int32_t y0 = oy * p->stride_h - p->pad_top;
            int32_t x0 = ox * p->stride_w - p->pad_left;
            for (int32_t oc = 0; oc < p->out_c; oc++) {
                int32_t acc = window_sum(p, in, p->weights + oc * filter_size, y0, x0);
                acc = nn_requantize(acc + p->bias[oc], p->multiplier[oc], p->shift[oc]);
                acc += p->out_zero_point;
                *out++ = (int8_t)nn_clamp(acc, p->act_min, p->act_max);
            }
        }
    }
}
