#include "nn_depthwise_mve_taps.h"

#include "nn_fixedpoint.h"
#include "nn_window.h"

enum { GROUP = NN_DEPTHWISE_MVE_TAPS_GROUP };

/* All windows of the group that `window` begins with. */
static void all_windows(const nn_depthwise_mve_taps_params *p, nn_depthwise_mve_window *window)
{
    const int8_t *in = window->in, *weights = window->weights;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        int32_t y = oy * p->stride_h - p->pad_top;
        int32_t top = nn_first_tap(y, p->dilation_h);
        int32_t rows = nn_end_tap(y, p->dilation_h, p->kernel_h, p->in_h) - top;
        int32_t first_row = (y + top * p->dilation_h) * p->in_w;
        window->rows = rows > 0 ? rows : 0;
        for (int32_t ox = 0; ox < p->out_w; ox++, window->out += p->out_c) {
            int32_t x = ox * p->stride_w - p->pad_left;
            int32_t left = nn_first_tap(x, p->dilation_w);
            int32_t columns = nn_end_tap(x, p->dilation_w, p->kernel_w, p->in_w) - left;
            window->columns = columns > 0 ? columns : 0;
            if (window->rows > 0 && window->columns > 0) {
                window->in = in + (first_row + x + left * p->dilation_w) * p->in_c;
                window->weights = weights + (top * p->kernel_w + left) * GROUP;
            }
            window->weights_skip = (p->kernel_w - columns) * GROUP;
            window->in_skip = p->dilation_h * p->in_w * p->in_c - columns * window->in_step;
            nn_depthwise_s8_mve_window(window);
        }
    }
}

void nn_depthwise_conv2d_s8_mve_taps(const nn_depthwise_mve_taps_params *p, const int8_t *in,
                                     int8_t *out)
{
    const int8_t *weights = p->weights;
    const int32_t *numbers = p->numbers;
    for (int32_t c = 0; c < p->out_c; c += GROUP) {
        int32_t left = p->out_c - c, first = c / p->multiplier;
        nn_depthwise_mve_window window = {
            .in = in + first,
            .out = out + c,
            .channels = left < GROUP ? left : GROUP,
            .weights = weights,
            .numbers = numbers,
            .in_step = p->dilation_w * p->in_c,
            .in_offset = -p->in_zero_point,
            .out_zero_point = p->out_zero_point,
        };
        for (int32_t i = 0; i < window.channels; i++) { /* the rest reads the first channel again */
            window.offsets[i] = (int16_t)((c + i) / p->multiplier - first);
        }
        all_windows(p, &window);
        weights += p->kernel_h * p->kernel_w * GROUP;
        numbers += 3 * GROUP;
    }
    nn_clamp_codes(out, p->out_h * p->out_w * p->out_c, p->act_min, p->act_max);
}
