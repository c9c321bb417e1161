#include "nn_fully_connected_sparse.h"

#include "nn_dsp.h"
#include "nn_port.h"

enum { FOURS = 128 }; /* bytes of inputs that a word of bits is for */

/* Adds n inputs times the weights of a channel; returns the end of these. */
static NN_NOINLINE const uint32_t *add(const int8_t *in, const uint32_t *weights, int32_t n,
                                       uint32_t *result)
{
    uint32_t sum = *result;
    for (; n > 0; n -= FOURS, in += FOURS) {
        for (uint32_t map = *weights++; map != 0;) {
            int32_t four = __builtin_clz(map);
            uint32_t w = *weights++, x = nn_load4(in + 4 * four);
            map &= ~(0x80000000u >> four);
            sum = nn_smlad(nn_sxtb16(w), nn_sxtb16(x), sum);
            sum = nn_smlad(nn_sxtb16_high(w), nn_sxtb16_high(x), sum);
        }
    }
    *result = sum;
    return weights;
}

void nn_fully_connected_s8_sparse(const nn_fully_connected_sparse_params *p, const int8_t *in,
                                  int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++, in += p->in_c, out += p->out_c) {
        const uint32_t *weights = p->weights;
        for (int32_t c = 0; c < p->out_c; c += 4) {
            int32_t n = p->out_c - c < 4 ? p->out_c - c : 4, codes[4];
            for (int32_t i = 0; i < n; i++) {
                uint32_t sum = (uint32_t)p->bias[c + i];
                weights = add(in, weights, p->in_c, &sum);
                codes[i] = (int32_t)sum;
            }
            nn_store_codes(&p->codes, c, codes, n, out + c);
        }
    }
}
