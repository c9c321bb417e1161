#include "nn_fully_connected_lanes.h"

#include "nn_dsp.h"

/* Of the inputs of whole words. */
static uint32_t sum_of(const int8_t *in, int32_t n, uint32_t sum)
{
    for (const int8_t *end = in + n; in != end; in += 4) {
        uint32_t word = nn_load4(in);
        sum = nn_smlad(nn_sxtb16(word), 0x00010001, sum);
        sum = nn_smlad(nn_sxtb16_high(word), 0x00010001, sum);
    }
    return sum;
}

void nn_fully_connected_s8_lanes(const nn_fully_connected_lanes_params *p, const int8_t *in,
                                 int8_t *out)
{
    int32_t left = p->in_c & 7, eights = p->in_c / 8;
    for (int32_t row = 0; row < p->rows; row++, in += p->in_c, out += p->out_c) {
        const uint32_t *weights = p->weights;
        int8_t rest[8] = {0};
        memcpy(rest, in + 8 * eights, (size_t)left);
        uint32_t least = (uint32_t)p->least * sum_of(rest, 8, sum_of(in, 8 * eights, 0));
        for (int32_t c = 0; c < p->out_c; c += 4) {
            uint32_t sums[4] = {0, 0, 0, 0};
            int32_t codes[4];
            weights = p->add(in, weights, eights, sums);
            if (left > 0) {
                weights = p->add(rest, weights, 1, sums);
            }
            for (int32_t i = 0; i < 4; i++) {
                codes[i] =
                    (int32_t)((uint32_t)p->step * sums[i] + least + (uint32_t)p->bias[c + i]);
            }
            nn_store_codes(&p->codes, c, codes, p->out_c - c < 4 ? p->out_c - c : 4, out + c);
        }
    }
}
