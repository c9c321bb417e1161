#include "nn_fully_connected_int4.h"

#include "nn_dsp.h"
#include "nn_port.h"

enum { LOW = 0x000f000f };

/* Of four channels: two times 16 D(c+1) + D, and D. */
typedef struct {
    uint32_t both0, low0, both1, low1;
} int4_sums;

/* Adds a pair of inputs x times a word of weights. */
#define ADD_PAIR(w, x)                                                                             \
    do {                                                                                           \
        uint32_t pair = nn_sxtb16(w);                                                              \
        both0 = nn_smlad(pair, x, both0);                                                          \
        low0 = nn_smlad(pair & LOW, x, low0);                                                      \
        pair = nn_sxtb16_high(w);                                                                  \
        both1 = nn_smlad(pair, x, both1);                                                          \
        low1 = nn_smlad(pair & LOW, x, low1);                                                      \
    } while (0)

/* Adds four inputs times the weights of four channels, `fours` times; returns the end of the
 * weights. */
static NN_NOINLINE const uint32_t *add(const int8_t *in, const uint32_t *weights, int32_t fours,
                                       int4_sums *sums)
{
    uint32_t both0 = sums->both0, low0 = sums->low0, both1 = sums->both1, low1 = sums->low1;
    const int8_t *end = in + 4 * fours;
    if (fours & 1) {
        uint32_t word = nn_load4(in), x = nn_sxtb16(word), y = nn_sxtb16_high(word);
        ADD_PAIR(weights[0], x);
        ADD_PAIR(weights[1], y);
        in += 4;
        weights += 2;
    }
    for (; in != end; in += 8, weights += 4) {
        uint32_t word = nn_load4(in), next = nn_load4(in + 4);
        uint32_t w0 = weights[0], w1 = weights[1], w2 = weights[2], w3 = weights[3];
        uint32_t x = nn_sxtb16(word), y = nn_sxtb16_high(word);
        ADD_PAIR(w0, x);
        ADD_PAIR(w1, y);
        x = nn_sxtb16(next);
        y = nn_sxtb16_high(next);
        ADD_PAIR(w2, x);
        ADD_PAIR(w3, y);
    }
    sums->both0 = both0;
    sums->low0 = low0;
    sums->both1 = both1;
    sums->low1 = low1;
    return weights;
}

static int32_t sum_of(const int8_t *in, int32_t n)
{
    int32_t sum = 0;
    for (const int8_t *end = in + n; in != end; in++) {
        sum += *in;
    }
    return sum;
}

void nn_fully_connected_s8_int4(const nn_fully_connected_int4_params *p, const int8_t *in,
                                int8_t *out)
{
    int32_t left = p->in_c & 3, fours = p->in_c / 4;
    for (int32_t row = 0; row < p->rows; row++, in += p->in_c, out += p->out_c) {
        const uint32_t *weights = p->weights;
        int32_t raised = 8 * sum_of(in, p->in_c);
        int8_t rest[4] = {0};
        memcpy(rest, in + 4 * fours, (size_t)left);
        for (int32_t c = 0; c < p->out_c; c += 4) {
            int4_sums s = {0, 0, 0, 0};
            const int32_t *bias = p->bias + c;
            weights = add(in, weights, fours, &s);
            if (left > 0) {
                weights = add(rest, weights, 1, &s);
            }
            int32_t sums[4] = {
                (int32_t)s.low0 - raised + bias[0], ((int32_t)(s.both0 - s.low0) >> 4) + bias[1],
                (int32_t)s.low1 - raised + bias[2], ((int32_t)(s.both1 - s.low1) >> 4) + bias[3]};
            nn_store_codes(&p->codes, c, sums, p->out_c - c < 4 ? p->out_c - c : 4, out + c);
        }
    }
}
