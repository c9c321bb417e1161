#include "nn_conv2d_f32.h"

#include "nn_float.h"
#include "nn_window.h"

/* The taps of 1 or 4 neighbouring output pixels that lie inside the image; the same for all. */
typedef struct {
    int32_t pixels;
    int32_t y, x; /* the first pixel's corner in the image */
    int32_t ky_begin, ky_end, kx_begin, kx_end;
} window;

static void set_columns(const nn_conv2d_f32_params *p, window *w, int32_t ox)
{
    int32_t last = (w->pixels - 1) * p->stride_w;
    w->x = ox * p->stride_w - p->pad_left;
    w->kx_begin = nn_first_tap(w->x, p->dilation_w);
    w->kx_end = nn_end_tap(w->x + last, p->dilation_w, p->kernel_w, p->in_w);
}

/* From output column ox on: 4 pixels when there are so many and all see the whole kernel's width.
 */
static void take_pixels(const nn_conv2d_f32_params *p, window *w, int32_t ox)
{
    w->pixels = 4;
    set_columns(p, w, ox);
    if (p->out_w - ox < 4 || w->kx_begin > 0 || w->kx_end < p->kernel_w) {
        w->pixels = 1;
        set_columns(p, w, ox);
    }
}

static void add_window(const nn_conv2d_f32_params *p, const window *w, const float *in,
                       const char *weights, float *sums)
{
    int32_t pixel_step = p->stride_w * p->in_c, row = p->in_w * p->in_c;
    nn_mac_taps taps = {
        .rows = w->ky_end - w->ky_begin,
        .count = (w->kx_end - w->kx_begin) * p->in_c,
        .in_step = p->dilation_h * row,
        .weight_step = p->kernel_w * p->in_c,
    };
    in += (w->y + w->ky_begin * p->dilation_h) * row;
    weights += w->ky_begin * taps.weight_step * p->tap_bytes;
    if (p->dilation_w == 1) {
        in += (w->x + w->kx_begin) * p->in_c;
        weights += w->kx_begin * p->in_c * p->tap_bytes;
        p->mac(&taps, in, w->pixels, pixel_step, weights, sums);
        return;
    }
    nn_mac_taps one = {.rows = 1, .count = p->in_c, .in_step = 0, .weight_step = 0};
    for (int32_t ky = 0; ky < taps.rows; ky++) {
        for (int32_t kx = w->kx_begin; kx < w->kx_end; kx++) {
            p->mac(&one, in + (w->x + kx * p->dilation_w) * p->in_c, w->pixels, pixel_step,
                   weights + kx * p->in_c * p->tap_bytes, sums);
        }
        in += taps.in_step;
        weights += taps.weight_step * p->tap_bytes;
    }
}

static void compute_pixels(const nn_conv2d_f32_params *p, const window *w, const float *in,
                           float *out)
{
    const char *weights = (const char *)p->weights;
    for (int32_t oc = 0; oc < p->out_c; oc += 4, weights += p->group_bytes) {
        float sums[16] = {0};
        int32_t channels = p->out_c - oc < 4 ? p->out_c - oc : 4;
        add_window(p, w, in, weights, sums);
        for (int32_t i = 0; i < w->pixels; i++) {
            float *pixel = out + i * p->out_c + oc;
            for (int32_t k = 0; k < channels; k++) {
                pixel[k] = nn_clamp_f32(sums[4 * i + k] + p->bias[oc + k], p->act_min, p->act_max);
            }
        }
    }
}

void nn_conv2d_f32(const nn_conv2d_f32_params *p, const float *in, float *out)
{
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        window w;
        w.y = oy * p->stride_h - p->pad_top;
        w.ky_begin = nn_first_tap(w.y, p->dilation_h);
        w.ky_end = nn_end_tap(w.y, p->dilation_h, p->kernel_h, p->in_h);
        for (int32_t ox = 0; ox < p->out_w; ox += w.pixels) {
            take_pixels(p, &w, ox);
            compute_pixels(p, &w, in, out);
            out += w.pixels * p->out_c;
        }
    }
}
