#include "nn_depthwise_conv2d.h"

#include "nn_fixedpoint.h"
#include "nn_window.h"

/* rows x columns taps of one channel; the strides are the steps from tap to tap. */
typedef struct {
    int32_t rows, columns;
    int32_t row_stride, column_stride; /* in the image */
    int32_t filter_row, filter_column; /* in the weights */
} taps;

static int32_t taps_sum(const taps *t, const int8_t *x, const int8_t *w, int32_t zero_point)
{
    int32_t sum = 0;
    for (int32_t ky = 0; ky < t->rows; ky++) {
        const int8_t *xs = x + ky * t->row_stride, *ws = w + ky * t->filter_row;
        for (int32_t kx = t->columns; kx > 0; kx--) {
            sum += (*xs - zero_point) * *ws;
            xs += t->column_stride;
            ws += t->filter_column;
        }
    }
    return sum;
}

/* One output pixel, all channels. (y0, x0) is the window's corner in the image. */
static void pixel(const nn_conv2d_params *p, const int8_t *in, int8_t *out, int32_t y0, int32_t x0)
{
    int32_t ky = nn_first_tap(y0, p->dilation_h), kx = nn_first_tap(x0, p->dilation_w);
    taps t = {
        .rows = nn_end_tap(y0, p->dilation_h, p->kernel_h, p->in_h) - ky,
        .columns = nn_end_tap(x0, p->dilation_w, p->kernel_w, p->in_w) - kx,
        .row_stride = p->dilation_h * p->in_w * p->in_c,
        .column_stride = p->dilation_w * p->in_c,
        .filter_row = p->kernel_w * p->out_c,
        .filter_column = p->out_c,
    };
    int32_t y = y0 + ky * p->dilation_h, x = x0 + kx * p->dilation_w;
    const int8_t *w = p->weights + (ky * p->kernel_w + kx) * p->out_c;
    int32_t multiples = p->out_c / p->in_c, oc = 0;
    for (int32_t ic = 0; ic < p->in_c; ic++) {
        for (int32_t m = 0; m < multiples; m++, oc++) {
            const int8_t *corner = in + (y * p->in_w + x) * p->in_c + ic;
            int32_t acc = taps_sum(&t, corner, w + oc, p->in_zero_point) + p->bias[oc];
            acc = nn_requantize(acc, p->multiplier[oc], p->shift[oc]) + p->out_zero_point;
            out[oc] = (int8_t)nn_clamp(acc, p->act_min, p->act_max);
        }
    }
}

void nn_depthwise_conv2d_s8(const nn_conv2d_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            int32_t y0 = oy * p->stride_h - p->pad_top, x0 = ox * p->stride_w - p->pad_left;
            pixel(p, in, out + (oy * p->out_w + ox) * p->out_c, y0, x0);
        }
    }
}
