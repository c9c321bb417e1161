#include "nn_depthwise_conv2d.h"

#include "nn_fixedpoint.h"
#include "nn_window.h"

/* The sum over one window of input channel ic with the filter of output channel oc. */
static int32_t window_sum(const nn_conv2d_params *p, const int8_t *in, int32_t ic, int32_t oc,
                          int32_t y0, int32_t x0)
{
    int32_t ky_end = nn_end_tap(y0, p->dilation_h, p->kernel_h, p->in_h);
    int32_t kx_begin = nn_first_tap(x0, p->dilation_w);
    int32_t kx_end = nn_end_tap(x0, p->dilation_w, p->kernel_w, p->in_w);
    int32_t sum = 0;
    for (int32_t ky = nn_first_tap(y0, p->dilation_h); ky < ky_end; ky++) {
        int32_t y = y0 + ky * p->dilation_h;
        for (int32_t kx = kx_begin; kx < kx_end; kx++) {
            int32_t x = x0 + kx * p->dilation_w;
            int32_t value = in[(y * p->in_w + x) * p->in_c + ic] - p->in_zero_point;
            sum += value * p->weights[(ky * p->kernel_w + kx) * p->out_c + oc];
        }
    }
    return sum;
}

void nn_depthwise_conv2d_s8(const nn_conv2d_params *p, const int8_t *in, int8_t *out)
{
    int32_t channel_multiplier = p->out_c / p->in_c;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            int32_t y0 = oy * p->stride_h - p->pad_top;
            int32_t x0 = ox * p->stride_w - p->pad_left;
            for (int32_t oc = 0; oc < p->out_c; oc++) {
                int32_t acc = window_sum(p, in, oc / channel_multiplier, oc, y0, x0);
                acc = nn_requantize(acc + p->bias[oc], p->multiplier[oc], p->shift[oc]);
                acc += p->out_zero_point;
                *out++ = (int8_t)nn_clamp(acc, p->act_min, p->act_max);
            }
        }
    }
}
