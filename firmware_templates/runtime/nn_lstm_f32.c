#include "nn_lstm_f32.h"

#include <string.h>

#include "nn_float.h"
#include "nn_math_f32.h"
#include "nn_port.h"

/* Four gates' sums of products with n inputs. */
static NN_NOINLINE void products(const float *x, const float *w, int32_t n, float sums[4])
{
    const float *w1 = w + n, *w2 = w1 + n, *w3 = w2 + n;
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
    for (int32_t i = 0; i < n; i++) {
        const float value = x[i];
        NN_MAC_F32(s0, value, w[i]);
        NN_MAC_F32(s1, value, w1[i]);
        NN_MAC_F32(s2, value, w2[i]);
        NN_MAC_F32(s3, value, w3[i]);
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static void step(const nn_lstm_f32_params *p, const float *x, const float *state, float *cell,
                 float *y)
{
    for (int32_t u = 0; u < p->units; u++) {
        float gates[4], of_hidden[4];
        products(x, p->in_weights + 4 * u * p->in_c, p->in_c, gates);
        products(state, p->hidden_weights + 4 * u * p->units, p->units, of_hidden);
        for (int32_t k = 0; k < 4; k++) {
            gates[k] += p->bias[4 * u + k];
            gates[k] += of_hidden[k];
        }
        float kept = nn_logistic_of(gates[1]) * cell[u];
        float added = nn_logistic_of(gates[0]) * nn_tanh_of(gates[2]);
        float sum = kept + added;
        cell[u] = p->cell_clip > 0.0f ? nn_clamp_f32(sum, -p->cell_clip, p->cell_clip) : sum;
        y[u] = nn_tanh_of(cell[u]) * nn_logistic_of(gates[3]);
    }
}

void nn_lstm_f32(const nn_lstm_f32_params *p, const float *in, float *hidden, float *cell,
                 float *out)
{
    for (int32_t b = 0; b < p->batches; b++, hidden += p->units, cell += p->units) {
        const float *state = hidden;
        for (int32_t t = 0; t < p->steps; t++) {
            float *y = out + b * p->out_batch + t * p->out_step;
            step(p, in + b * p->in_batch + t * p->in_step, state, cell, y);
            state = y;
        }
        memcpy(hidden, state, (size_t)p->units * sizeof *hidden);
    }
}
