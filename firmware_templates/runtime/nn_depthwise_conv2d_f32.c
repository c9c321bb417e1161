#include "nn_depthwise_conv2d_f32.h"

#include "nn_window.h"

void nn_depthwise_conv2d_f32(const nn_depthwise_conv2d_f32_params *p, const float *in, float *out)
{
    nn_depthwise_taps_f32 taps = {
        .in_step = p->dilation_w * p->in_c,
        .in_row_step = p->dilation_h * p->in_w * p->in_c,
        .weight_row_step = p->kernel_w,
    };
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        int32_t y = oy * p->stride_h - p->pad_top, top = nn_first_tap(y, p->dilation_h);
        taps.rows = nn_end_tap(y, p->dilation_h, p->kernel_h, p->in_h) - top;
        for (int32_t ox = 0; ox < p->out_w; ox++, out += p->out_c) {
            int32_t x = ox * p->stride_w - p->pad_left, left = nn_first_tap(x, p->dilation_w);
            int32_t pixel = (y + top * p->dilation_h) * p->in_w + x + left * p->dilation_w;
            taps.count = nn_end_tap(x, p->dilation_w, p->kernel_w, p->in_w) - left;
            p->pixel(p, &taps, in + pixel * p->in_c,
                     (const char *)p->weights + (top * p->kernel_w + left) * p->tap_bytes, out);
        }
    }
}
