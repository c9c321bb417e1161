#include "nn_dot_fours.h"
#include "nn_lstm_unit.h"

/* nn_requantize plus the zero point. */
static inline int32_t rescaled(int32_t x, int32_t multiplier, int32_t shift, int32_t zero_point)
{
    if (shift < 0) {
        return nn_requantize_right(x, multiplier, -shift - 1, 2 * zero_point + 1);
    }
    return nn_requantize(x, multiplier, shift) + zero_point;
}

static void step(const nn_lstm_s8_params *p, const int8_t *x, const int8_t *state, int16_t *cell,
                 int8_t *y)
{
    const int8_t *of_in = p->in_weights, *of_hidden = p->hidden_weights;
    const int32_t in_bytes = (p->in_c + 3) / 4 * 16, hidden_bytes = (p->units + 3) / 4 * 16;
    for (int32_t u = 0; u < p->units; u++, of_in += in_bytes, of_hidden += hidden_bytes) {
        int32_t in_sums[NN_LSTM_GATES], hidden_sums[NN_LSTM_GATES], gates[NN_LSTM_GATES];
        nn_dot_fours(x, p->in_c, of_in, p->in_bias + NN_LSTM_GATES * u, in_sums);
        nn_dot_fours(state, p->units, of_hidden, p->hidden_bias + NN_LSTM_GATES * u, hidden_sums);
        for (int32_t k = 0; k < NN_LSTM_GATES; k++) {
            int32_t a = rescaled(in_sums[k], p->in_multiplier[k], p->in_shift[k], 0);
            int32_t r = rescaled(hidden_sums[k], p->hidden_multiplier[k], p->hidden_shift[k], 0);
            gates[k] = nn_clamp16(nn_clamp16(a) + nn_clamp16(r));
        }
        int32_t shown = nn_lstm_unit(&p->unit, gates, cell + u);
        shown = rescaled(shown, p->unit.out_multiplier, p->unit.out_shift, p->unit.out_zero_point);
        y[u] = (int8_t)nn_clamp(shown, INT8_MIN, INT8_MAX);
    }
}

void nn_lstm_s8_dsp(const nn_lstm_s8_params *p, const int8_t *in, int8_t *hidden, int16_t *cell,
                    int8_t *out)
{
    for (int32_t b = 0; b < p->batches; b++, hidden += p->units, cell += p->units) {
        const int8_t *state = hidden;
        for (int32_t t = 0; t < p->steps; t++) {
            int8_t *y = out + b * p->out_batch + t * p->out_step;
            step(p, in + b * p->in_batch + t * p->in_step, state, cell, y);
            state = y;
        }
        memcpy(hidden, state, (size_t)p->units);
    }
}
