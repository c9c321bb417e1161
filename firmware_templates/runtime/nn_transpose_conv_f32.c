#include "nn_float.h"
#include "nn_transpose_conv.h"

/* Adds one pixel's sums for four filters, in the order of the inputs. */
static void add_taps(const nn_conv2d_f32_params *p, const nn_reach *rows, const nn_reach *columns,
                     const float *in, const char *weights, float sums[4])
{
    const nn_mac_taps taps = {
        .rows = columns->end - columns->first,
        .count = p->in_c,
        .in_step = p->in_c,
        .weight_step = p->stride_w * p->in_c,
    };
    int32_t ky = rows->tap;
    if (taps.rows <= 0) {
        return;
    }
    for (int32_t y = rows->first; y < rows->end; y++, ky += p->stride_h) {
        p->mac(&taps, in + (y * p->in_w + columns->first) * p->in_c, 1, 0,
               weights + (ky * p->kernel_w + columns->tap) * p->in_c * p->tap_bytes, sums);
    }
}

void nn_transpose_conv_f32(const nn_conv2d_f32_params *p, const float *in, float *out)
{
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        nn_reach rows = nn_reach_of(oy + p->pad_top, p->kernel_h, p->stride_h, p->in_h);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            nn_reach columns = nn_reach_of(ox + p->pad_left, p->kernel_w, p->stride_w, p->in_w);
            const char *weights = (const char *)p->weights;
            for (int32_t oc = 0; oc < p->out_c; oc += 4, weights += p->group_bytes) {
                float sums[4] = {0};
                int32_t channels = p->out_c - oc < 4 ? p->out_c - oc : 4;
                add_taps(p, &rows, &columns, in, weights, sums);
                for (int32_t k = 0; k < channels; k++) {
                    *out++ = nn_clamp_f32(sums[k] + p->bias[oc + k], p->act_min, p->act_max);
                }
            }
        }
    }
}
