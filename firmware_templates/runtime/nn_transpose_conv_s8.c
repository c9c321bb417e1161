#include "nn_dot.h"
#include "nn_fixedpoint.h"
#include "nn_transpose_conv.h"

/* Adds one pixel's sums for `count` filters (1 or 4) from output channel oc on. */
static void add_taps(const nn_conv2d_params *p, const nn_reach *rows, const nn_reach *columns,
                     const int8_t *in, int32_t oc, int32_t count, int32_t sum[4])
{
    int32_t filter_size = p->kernel_h * p->kernel_w * p->in_c, ky = rows->tap;
    for (int32_t y = rows->first; y < rows->end; y++, ky += p->stride_h) {
        int32_t kx = columns->tap;
        for (int32_t x = columns->first; x < columns->end; x++, kx += p->stride_w) {
            const int8_t *pixel = in + (y * p->in_w + x) * p->in_c;
            const int8_t *f = p->weights + oc * filter_size + (ky * p->kernel_w + kx) * p->in_c;
            if (count == 4) {
                nn_dot4(pixel, f, filter_size, p->in_c, p->in_zero_point, sum);
            } else {
                sum[0] += nn_dot(pixel, f, p->in_c, p->in_zero_point);
            }
        }
    }
}

void nn_transpose_conv_s8(const nn_conv2d_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        nn_reach rows = nn_reach_of(oy + p->pad_top, p->kernel_h, p->stride_h, p->in_h);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            nn_reach columns = nn_reach_of(ox + p->pad_left, p->kernel_w, p->stride_w, p->in_w);
            int32_t count;
            for (int32_t oc = 0; oc < p->out_c; oc += count) {
                int32_t sum[4] = {0, 0, 0, 0};
                count = p->out_c - oc >= 4 ? 4 : 1;
                add_taps(p, &rows, &columns, in, oc, count, sum);
                for (int32_t k = 0; k < count; k++) {
                    int32_t acc = sum[k] + p->bias[oc + k];
                    acc = nn_requantize(acc, p->multiplier[oc + k], p->shift[oc + k]);
                    acc += p->out_zero_point;
                    *out++ = (int8_t)nn_clamp(acc, p->act_min, p->act_max);
                }
            }
        }
    }
}
