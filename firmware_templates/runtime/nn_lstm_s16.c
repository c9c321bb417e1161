#include "nn_lstm_unit.h"
#include "nn_requantize_wide.h"

#include <string.h>

static int64_t dot(const int16_t *x, const int8_t *w, int32_t n)
{
    int64_t sum = 0;
    for (; n > 0; n--) {
        sum += *x++ * *w++;
    }
    return sum;
}

static void step(const nn_lstm_s16_params *p, const int16_t *x, const int16_t *state, int16_t *cell,
                 int16_t *y)
{
    for (int32_t u = 0; u < p->units; u++) {
        int32_t gates[NN_LSTM_GATES];
        for (int32_t k = 0; k < NN_LSTM_GATES; k++) {
            const int32_t row = NN_LSTM_GATES * u + k;
            int64_t of_in = p->in_bias[row] + dot(x, p->in_weights + row * p->in_c, p->in_c);
            int64_t of_hidden = dot(state, p->hidden_weights + row * p->units, p->units);
            int32_t a = nn_requantize_wide(of_in, p->in_factor[k], p->in_shift[k]);
            int32_t r = nn_requantize_wide(of_hidden, p->hidden_factor[k], p->hidden_shift[k]);
            gates[k] = nn_clamp16(nn_clamp16(a) + nn_clamp16(r));
        }
        int32_t shown = nn_lstm_unit(&p->unit, gates, cell + u);
        y[u] = (int16_t)nn_clamp16(nn_lstm_code(&p->unit, shown));
    }
}

void nn_lstm_s16(const nn_lstm_s16_params *p, const int16_t *in, int16_t *hidden, int16_t *cell,
                 int16_t *out)
{
    for (int32_t b = 0; b < p->batches; b++, hidden += p->units, cell += p->units) {
        const int16_t *state = hidden;
        for (int32_t t = 0; t < p->steps; t++) {
            int16_t *y = out + b * p->out_batch + t * p->out_step;
            step(p, in + b * p->in_batch + t * p->in_step, state, cell, y);
            state = y;
        }
        memcpy(hidden, state, (size_t)p->units * sizeof *hidden);
    }
}
