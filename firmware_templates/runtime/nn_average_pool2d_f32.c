#include "nn_float.h"
#include "nn_pool2d_f32.h"

static void pool_four(const nn_pool2d_f32_params *p, const nn_pool2d_f32_window *w, const float *in,
                      float *out)
{
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
    for (int32_t row = 0; row < w->rows; row++, in += p->in_w * p->channels) {
        const float *x = in;
        for (int32_t column = w->columns; column > 0; column--, x += p->channels) {
            s0 += x[0];
            s1 += x[1];
            s2 += x[2];
            s3 += x[3];
        }
    }
    float count = (float)(w->rows * w->columns);
    out[0] = nn_clamp_f32(s0 / count, p->act_min, p->act_max);
    out[1] = nn_clamp_f32(s1 / count, p->act_min, p->act_max);
    out[2] = nn_clamp_f32(s2 / count, p->act_min, p->act_max);
    out[3] = nn_clamp_f32(s3 / count, p->act_min, p->act_max);
}

static void pool_one(const nn_pool2d_f32_params *p, const nn_pool2d_f32_window *w, const float *in,
                     float *out)
{
    float sum = 0.0f;
    for (int32_t row = 0; row < w->rows; row++, in += p->in_w * p->channels) {
        const float *x = in;
        for (int32_t column = w->columns; column > 0; column--, x += p->channels) {
            sum += *x;
        }
    }
    out[0] = nn_clamp_f32(sum / (float)(w->rows * w->columns), p->act_min, p->act_max);
}

void nn_average_pool2d_f32(const nn_pool2d_f32_params *p, const float *in, float *out)
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
