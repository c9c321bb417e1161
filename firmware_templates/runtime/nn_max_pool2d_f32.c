#include <float.h>

#include "nn_float.h"
#include "nn_pool2d_f32.h"

static float larger(float a, float b)
{
    return a < b ? b : a;
}

static void pool_four(const nn_pool2d_f32_params *p, const nn_pool2d_f32_window *w, const float *in,
                      float *out)
{
    float m0 = -FLT_MAX, m1 = -FLT_MAX, m2 = -FLT_MAX, m3 = -FLT_MAX;
    for (int32_t row = 0; row < w->rows; row++, in += p->in_w * p->channels) {
        const float *x = in;
        for (int32_t column = w->columns; column > 0; column--, x += p->channels) {
            m0 = larger(m0, x[0]);
            m1 = larger(m1, x[1]);
            m2 = larger(m2, x[2]);
            m3 = larger(m3, x[3]);
        }
    }
    out[0] = nn_clamp_f32(m0, p->act_min, p->act_max);
    out[1] = nn_clamp_f32(m1, p->act_min, p->act_max);
    out[2] = nn_clamp_f32(m2, p->act_min, p->act_max);
    out[3] = nn_clamp_f32(m3, p->act_min, p->act_max);
}

static void pool_one(const nn_pool2d_f32_params *p, const nn_pool2d_f32_window *w, const float *in,
                     float *out)
{
    float most = -FLT_MAX;
    for (int32_t row = 0; row < w->rows; row++, in += p->in_w * p->channels) {
        const float *x = in;
        for (int32_t column = w->columns; column > 0; column--, x += p->channels) {
            most = larger(most, *x);
        }
    }
    out[0] = nn_clamp_f32(most, p->act_min, p->act_max);
}

void nn_max_pool2d_f32(const nn_pool2d_f32_params *p, const float *in, float *out)
{
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        for (int32_t ox = 0; ox < p->out_w; ox++, out += p->channels) {
            nn_pool2d_f32_window w = nn_pool2d_f32_window_at(p, oy, ox);
            int32_t c = 0;
            for (; c + 4 <= p->channels; c += 4) {
                pool_four(p, &w, in + w.first + c, out + c);
            }
            for (; c < p->channels; c++) {
                pool_one(p, &w, in + w.first + c, out + c);
            }
        }
    }
}
