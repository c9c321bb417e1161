#include "nn_dsp.h"
#include "nn_lstm_unit.h"
#include "nn_port.h"
#include "nn_requantize_wide.h"

static inline uint32_t load2(const int16_t *p)
{
    uint32_t word;
    memcpy(&word, p, 4);
    return word;
}

static inline uint32_t add_four(uint32_t sum, const int8_t *w, uint32_t x01, uint32_t x23)
{
    const uint32_t weights = nn_load4(w);
    sum = nn_smlad(nn_sxtb16(weights), x01, sum);
    return nn_smlad(nn_sxtb16_high(weights), x23, sum);
}

/* Four gates' sums of products: n inputs, weights as for nn_lstm_s16_dsp. */
static NN_NOINLINE void products(const int16_t *x, int32_t n, const int8_t *w,
                                 uint32_t sums[NN_LSTM_GATES])
{
    uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    const int16_t *end = x + n / 4 * 4;
    for (; x < end; x += 4, w += 16) {
        const uint32_t x01 = load2(x), x23 = load2(x + 2);
        s0 = add_four(s0, w, x01, x23);
        s1 = add_four(s1, w + 4, x01, x23);
        s2 = add_four(s2, w + 8, x01, x23);
        s3 = add_four(s3, w + 12, x01, x23);
    }
    if (n % 4 != 0) {
        int16_t rest[4] = {0};
        memcpy(rest, x, (size_t)(n % 4) * sizeof *x);
        const uint32_t x01 = load2(rest), x23 = load2(rest + 2);
        s0 = add_four(s0, w, x01, x23);
        s1 = add_four(s1, w + 4, x01, x23);
        s2 = add_four(s2, w + 8, x01, x23);
        s3 = add_four(s3, w + 12, x01, x23);
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

static void step(const nn_lstm_s16_params *p, const int16_t *x, const int16_t *state, int16_t *cell,
                 int16_t *y)
{
    const int8_t *in_weights = p->in_weights, *hidden_weights = p->hidden_weights;
    const int32_t in_bytes = (p->in_c + 3) / 4 * 16, hidden_bytes = (p->units + 3) / 4 * 16;
    const int64_t *bias = p->in_bias;
    for (int32_t u = 0; u < p->units; u++, bias += NN_LSTM_GATES) {
        uint32_t of_in[NN_LSTM_GATES], of_hidden[NN_LSTM_GATES];
        int32_t gates[NN_LSTM_GATES];
        products(x, p->in_c, in_weights, of_in);
        products(state, p->units, hidden_weights, of_hidden);
        for (int32_t k = 0; k < NN_LSTM_GATES; k++) {
            int32_t a =
                nn_requantize_wide((int32_t)of_in[k] + bias[k], p->in_factor[k], p->in_shift[k]);
            int32_t r =
                nn_requantize_wide((int32_t)of_hidden[k], p->hidden_factor[k], p->hidden_shift[k]);
            gates[k] = nn_clamp16(nn_clamp16(a) + nn_clamp16(r));
        }
        int32_t shown = nn_lstm_unit(&p->unit, gates, cell + u);
        y[u] = (int16_t)nn_clamp16(nn_lstm_code(&p->unit, shown));
        in_weights += in_bytes;
        hidden_weights += hidden_bytes;
    }
}

void nn_lstm_s16_dsp(const nn_lstm_s16_params *p, const int16_t *in, int16_t *hidden, int16_t *cell,
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
