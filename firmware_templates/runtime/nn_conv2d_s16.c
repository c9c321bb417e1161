#include "nn_conv2d_s16.h"

#include "nn_fixedpoint.h"
#include "nn_requantize_wide.h"
#include "nn_window.h"

/* The taps of one output pixel that lie inside the image. */
typedef struct {
    int32_t y0, x0; /* the window's corner in the image */
    int32_t ky_begin, ky_end, kx_begin, kx_end;
} window;

static int64_t dot(const int16_t *x, const int8_t *w, int32_t n)
{
    int64_t sum = 0;
    for (; n > 0; n--) {
        sum += *x++ * *w++;
    }
    return sum;
}

/* Without dilation a row of taps is contiguous in the image and in the filter. */
static int64_t sum_of_window(const nn_conv2d_s16_params *p, const window *w, const int16_t *in,
                             const int8_t *filter)
{
    int64_t sum = 0;
    int32_t taps = p->dilation_w == 1 ? w->kx_end - w->kx_begin : 1;
    for (int32_t ky = w->ky_begin; ky < w->ky_end; ky++) {
        for (int32_t kx = w->kx_begin; kx < w->kx_end; kx += taps) {
            int32_t y = w->y0 + ky * p->dilation_h, x = w->x0 + kx * p->dilation_w;
            sum += dot(in + (y * p->in_w + x) * p->in_c, filter + (ky * p->kernel_w + kx) * p->in_c,
                       taps * p->in_c);
        }
    }
    return sum;
}

void nn_conv2d_s16(const nn_conv2d_s16_params *p, const int16_t *in, int16_t *out)
{
    int32_t filter_size = p->kernel_h * p->kernel_w * p->in_c;
    window w;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        w.y0 = oy * p->stride_h - p->pad_top;
        w.ky_begin = nn_first_tap(w.y0, p->dilation_h);
        w.ky_end = nn_end_tap(w.y0, p->dilation_h, p->kernel_h, p->in_h);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            w.x0 = ox * p->stride_w - p->pad_left;
            w.kx_begin = nn_first_tap(w.x0, p->dilation_w);
            w.kx_end = nn_end_tap(w.x0, p->dilation_w, p->kernel_w, p->in_w);
            for (int32_t oc = 0; oc < p->out_c; oc++) {
                int64_t sum = sum_of_window(p, &w, in, p->weights + oc * filter_size);
                int32_t code = nn_requantize_wide(sum + p->bias[oc], p->factor[oc], p->shift[oc]);
                *out++ = (int16_t)nn_clamp(code, p->act_min, p->act_max);
            }
        }
    }
}
