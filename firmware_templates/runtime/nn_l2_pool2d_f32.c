#include <math.h>

#include "nn_float.h"
#include "nn_pool2d_f32.h"

static float pool_one(const nn_pool2d_f32_params *p, const nn_pool2d_f32_window *w, const float *in)
{
    float sum = 0.0f;
    for (int32_t row = 0; row < w->rows; row++, in += p->in_w * p->channels) {
        const float *x = in;
        for (int32_t column = w->columns; column > 0; column--, x += p->channels) {
            NN_MAC_F32(sum, *x, *x);
        }
    }
    return nn_clamp_f32(sqrtf(sum / (float)(w->rows * w->columns)), p->act_min, p->act_max);
}

void nn_l2_pool2d_f32(const nn_pool2d_f32_params *p, const float *in, float *out)
{
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            nn_pool2d_f32_window w = nn_pool2d_f32_window_at(p, oy, ox);
            for (int32_t c = 0; c < p->channels; c++) {
                *out++ = pool_one(p, &w, in + w.first + c);
            }
        }
    }
}
