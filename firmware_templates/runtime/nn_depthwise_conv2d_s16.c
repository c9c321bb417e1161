#include "nn_conv2d_s16.h"
#include "nn_fixedpoint.h"
#include "nn_requantize_wide.h"
#include "nn_window.h"

/* The taps of one output pixel inside the image; both steps lead from a row to the next. */
typedef struct {
    int32_t rows, count;
    int32_t in_step, in_row_step, weight_row_step;
} taps_of_window;

static int64_t sum_of_channel(const nn_conv2d_s16_params *p, const taps_of_window *t,
                              const int16_t *in, const int8_t *weights)
{
    int64_t sum = 0;
    for (int32_t row = t->rows; row > 0; row--) {
        const int16_t *x = in;
        const int8_t *w = weights;
        for (int32_t k = t->count; k > 0; k--, x += t->in_step, w += p->out_c) {
            sum += *x * *w;
        }
        in += t->in_row_step;
        weights += t->weight_row_step;
    }
    return sum;
}

static void compute_pixel(const nn_conv2d_s16_params *p, const taps_of_window *t, const int16_t *in,
                          const int8_t *weights, int16_t *out)
{
    int32_t multiplier = p->out_c / p->in_c, oc = 0;
    for (int32_t c = 0; c < p->in_c; c++) {
        for (int32_t m = 0; m < multiplier; m++, oc++) {
            int64_t sum = sum_of_channel(p, t, in + c, weights + oc) + p->bias[oc];
            int32_t code = nn_requantize_wide(sum, p->factor[oc], p->shift[oc]);
            out[oc] = (int16_t)nn_clamp(code, p->act_min, p->act_max);
        }
    }
}

void nn_depthwise_conv2d_s16(const nn_conv2d_s16_params *p, const int16_t *in, int16_t *out)
{
    taps_of_window t = {
        .in_step = p->dilation_w * p->in_c,
        .in_row_step = p->dilation_h * p->in_w * p->in_c,
        .weight_row_step = p->kernel_w * p->out_c,
    };
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        int32_t y = oy * p->stride_h - p->pad_top, top = nn_first_tap(y, p->dilation_h);
        t.rows = nn_end_tap(y, p->dilation_h, p->kernel_h, p->in_h) - top;
        for (int32_t ox = 0; ox < p->out_w; ox++, out += p->out_c) {
            int32_t x = ox * p->stride_w - p->pad_left, left = nn_first_tap(x, p->dilation_w);
            int32_t pixel = (y + top * p->dilation_h) * p->in_w + x + left * p->dilation_w;
            t.count = nn_end_tap(x, p->dilation_w, p->kernel_w, p->in_w) - left;
            compute_pixel(p, &t, in + pixel * p->in_c,
                          p->weights + (top * p->kernel_w + left) * p->out_c, out);
        }
    }
}
