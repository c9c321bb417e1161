#include "nn_fixedpoint.h"
#include "nn_requantize_wide.h"
#include "nn_transpose_conv.h"

static int64_t sum_of_taps(const nn_conv2d_s16_params *p, const nn_reach *rows,
                           const nn_reach *columns, const int16_t *in, const int8_t *filter)
{
    int64_t sum = 0;
    int32_t ky = rows->tap;
    for (int32_t y = rows->first; y < rows->end; y++, ky += p->stride_h) {
        int32_t kx = columns->tap;
        for (int32_t x = columns->first; x < columns->end; x++, kx += p->stride_w) {
            const int16_t *pixel = in + (y * p->in_w + x) * p->in_c;
            const int8_t *f = filter + (ky * p->kernel_w + kx) * p->in_c;
            for (int32_t i = 0; i < p->in_c; i++) {
                sum += pixel[i] * f[i];
            }
        }
    }
    return sum;
}

void nn_transpose_conv_s16(const nn_conv2d_s16_params *p, const int16_t *in, int16_t *out)
{
    int32_t filter_size = p->kernel_h * p->kernel_w * p->in_c;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        nn_reach rows = nn_reach_of(oy + p->pad_top, p->kernel_h, p->stride_h, p->in_h);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            nn_reach columns = nn_reach_of(ox + p->pad_left, p->kernel_w, p->stride_w, p->in_w);
            for (int32_t oc = 0; oc < p->out_c; oc++) {
                int64_t sum = sum_of_taps(p, &rows, &columns, in, p->weights + oc * filter_size);
                int32_t code = nn_requantize_wide(sum + p->bias[oc], p->factor[oc], p->shift[oc]);
                *out++ = (int16_t)nn_clamp(code, p->act_min, p->act_max);
            }
        }
    }
}
