#include "nn_dot.h"
#include "nn_lstm_unit.h"

#include <string.h>

void nn_lstm_s8(const nn_lstm_s8_params *p, const int8_t *in, int8_t *hidden, int16_t *cell,
                int8_t *out)
{
    for (int32_t b = 0; b < p->batches; b++, hidden += p->units, cell += p->units) {
        const int8_t *state = hidden;
        for (int32_t t = 0; t < p->steps; t++) {
            const int8_t *x = in + b * p->in_batch + t * p->in_step;
            int8_t *y = out + b * p->out_batch + t * p->out_step;
            for (int32_t u = 0; u < p->units; u++) {
                const int32_t first = NN_LSTM_GATES * u;
                int32_t of_in[NN_LSTM_GATES], of_hidden[NN_LSTM_GATES], gates[NN_LSTM_GATES];
                memcpy(of_in, p->in_bias + first, sizeof of_in);
                memcpy(of_hidden, p->hidden_bias + first, sizeof of_hidden);
                nn_dot4(x, p->in_weights + first * p->in_c, p->in_c, p->in_c, 0, of_in);
                nn_dot4(state, p->hidden_weights + first * p->units, p->units, p->units, 0,
                        of_hidden);
                for (int32_t k = 0; k < NN_LSTM_GATES; k++) {
                    int32_t a = nn_requantize(of_in[k], p->in_multiplier[k], p->in_shift[k]);
                    int32_t r =
                        nn_requantize(of_hidden[k], p->hidden_multiplier[k], p->hidden_shift[k]);
                    gates[k] = nn_clamp16(nn_clamp16(a) + nn_clamp16(r));
                }
                int32_t shown = nn_lstm_unit(&p->unit, gates, cell + u);
                y[u] = (int8_t)nn_clamp(nn_lstm_code(&p->unit, shown), INT8_MIN, INT8_MAX);
            }
            state = y;
        }
        memcpy(hidden, state, (size_t)p->units);
    }
}
