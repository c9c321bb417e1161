#include "nn_conv2d_s16.h"
#include "nn_fixedpoint.h"
#include "nn_requantize_wide.h"
#include "nn_window.h"

/* The taps of one output pixel inside the image; the steps are those of image and weights. */
typedef struct {
    int32_t rows, count;
    int32_t in_step, in_row_step, weight_row_step;
} taps_of_window;

static void store(const nn_conv2d_s16_params *p, int32_t channel, int32_t sum, int16_t *out)
{
    int64_t total = sum + p->bias[channel];
    int32_t code = nn_requantize_wide(total, p->factor[channel], p->shift[channel]);
    out[channel] = (int16_t)nn_clamp(code, p->act_min, p->act_max);
}

static void four_channels(const nn_conv2d_s16_params *p, const taps_of_window *t, const int16_t *in,
                          const int8_t *weights, int32_t channel, int16_t *out)
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, channels = p->out_c;
    for (int32_t row = t->rows; row > 0; row--) {
        const int16_t *x = in;
        const int8_t *w = weights;
        for (int32_t k = t->count; k > 0; k--, x += t->in_step, w += channels) {
            s0 += x[0] * w[0];
            s1 += x[1] * w[1];
            s2 += x[2] * w[2];
            s3 += x[3] * w[3];
        }
        in += t->in_row_step;
        weights += t->weight_row_step;
    }
    store(p, channel, s0, out);
    store(p, channel + 1, s1, out);
    store(p, channel + 2, s2, out);
    store(p, channel + 3, s3, out);
}

static void one_channel(const nn_conv2d_s16_params *p, const taps_of_window *t, const int16_t *in,
                        const int8_t *weights, int32_t channel, int16_t *out)
{
    int32_t sum = 0;
    for (int32_t row = t->rows; row > 0; row--) {
        const int16_t *x = in;
        const int8_t *w = weights;
        for (int32_t k = t->count; k > 0; k--, x += t->in_step, w += p->out_c) {
            sum += *x * *w;
        }
        in += t->in_row_step;
        weights += t->weight_row_step;
    }
    store(p, channel, sum, out);
}

void nn_depthwise_conv2d_s16_narrow(const nn_conv2d_s16_params *p, const int16_t *in, int16_t *out)
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
            const int16_t *first = in + pixel * p->in_c;
            const int8_t *weights = p->weights + (top * p->kernel_w + left) * p->out_c;
            int32_t c = 0;
            t.count = nn_end_tap(x, p->dilation_w, p->kernel_w, p->in_w) - left;
            for (; c + 4 <= p->out_c; c += 4) {
                four_channels(p, &t, first + c, weights + c, c, out);
            }
            for (; c < p->out_c; c++) {
                one_channel(p, &t, first + c, weights + c, c, out);
            }
        }
    }
}
