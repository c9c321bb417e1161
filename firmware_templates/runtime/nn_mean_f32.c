#include "nn_mean_f32.h"

static void mean_of_four(const nn_mean_f32_params *p, const float *in, float *out)
{
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f, count = (float)p->count;
    for (int32_t k = p->count; k > 0; k--, in += p->inner) {
        s0 += in[0];
        s1 += in[1];
        s2 += in[2];
        s3 += in[3];
    }
    out[0] = s0 / count;
    out[1] = s1 / count;
    out[2] = s2 / count;
    out[3] = s3 / count;
}

void nn_mean_f32(const nn_mean_f32_params *p, const float *in, float *out)
{
    for (int32_t o = 0; o < p->outer; o++, in += p->count * p->inner, out += p->inner) {
        int32_t i = 0;
        for (; i + 4 <= p->inner; i += 4) {
            mean_of_four(p, in + i, out + i);
        }
        for (; i < p->inner; i++) {
            float sum = 0.0f;
            for (int32_t k = 0; k < p->count; k++) {
                sum += in[k * p->inner + i];
            }
            out[i] = sum / (float)p->count;
        }
    }
}
