#include "nn_fixedpoint.h"
#include "nn_pool2d.h"
#include "nn_window.h"

void nn_max_pool2d_s8(const nn_pool2d_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        int32_t y0 = oy * p->stride_h - p->pad_top;
        int32_t y_begin = y0 + nn_first_tap(y0, 1);
        int32_t y_end = y0 + nn_end_tap(y0, 1, p->kernel_h, p->in_h);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            int32_t x0 = ox * p->stride_w - p->pad_left;
            int32_t x_begin = x0 + nn_first_tap(x0, 1);
            int32_t x_end = x0 + nn_end_tap(x0, 1, p->kernel_w, p->in_w);
            for (int32_t c = 0; c < p->channels; c++) {
                int32_t highest = INT8_MIN;
                for (int32_t y = y_begin; y < y_end; y++) {
                    for (int32_t x = x_begin; x < x_end; x++) {
                        int32_t value = in[(y * p->in_w + x) * p->channels + c];
                        highest = value > highest ? value : highest;
                    }
                }
                *out++ = (int8_t)nn_clamp(highest, p->act_min, p->act_max);
            }
        }
    }
}
