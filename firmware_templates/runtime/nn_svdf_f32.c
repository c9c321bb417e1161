#include "nn_float.h"
#include "nn_svdf.h"

void nn_svdf_f32(const nn_svdf_f32_params *p, const float *in, float *state, float *out)
{
    for (int32_t b = 0; b < p->batches; b++, in += p->in_c) {
        for (int32_t f = 0; f < p->filters; f += p->rank) {
            float total = p->bias[f / p->rank];
            for (int32_t r = f; r < f + p->rank; r++, state += p->memory) {
                const float *features = p->feature_weights + r * p->in_c;
                const float *w = p->time_weights + r * p->memory;
                float sum = 0.0f, over_time = 0.0f;
                for (int32_t i = 0; i < p->in_c; i++) {
                    NN_MAC_F32(sum, in[i], features[i]);
                }
                for (int32_t j = 0; j + 1 < p->memory; j++) {
                    state[j] = state[j + 1];
                    NN_MAC_F32(over_time, state[j], w[j]);
                }
                state[p->memory - 1] = sum;
                NN_MAC_F32(over_time, sum, w[p->memory - 1]);
                total += over_time;
            }
            *out++ = nn_clamp_f32(total, p->act_min, p->act_max);
        }
    }
}
