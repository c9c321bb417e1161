/* The portable twin of nn_fully_connected_lanes_dsp.S. */
#include "nn_dsp.h"
#include "nn_fully_connected_lanes.h"

static const uint32_t *add(const int8_t *in, const uint32_t *weights, int32_t eights, int32_t bits,
                           uint32_t sums[4])
{
    int32_t per_word = 4 / bits;
    uint32_t digits = 0x10001u * ((1u << bits) - 1u);
    for (int32_t i = 0; i < eights; i++, in += 8) {
        const uint32_t *words = weights + 4 * (i / per_word);
        int32_t at = i % per_word * 4 * bits;
        uint32_t first = nn_load4(in), second = nn_load4(in + 4);
        uint32_t x[4] = {nn_sxtb16(first), nn_sxtb16_high(first), nn_sxtb16(second),
                         nn_sxtb16_high(second)};
        for (int32_t c = 0; c < 4; c++) {
            for (int32_t k = 0; k < 4; k++) {
                sums[c] = nn_smlad(words[c] >> (at + k * bits) & digits, x[k], sums[c]);
            }
        }
    }
    return weights + 4 * ((eights + per_word - 1) / per_word);
}

const uint32_t *nn_fully_connected_lanes_1(const int8_t *in, const uint32_t *weights,
                                           int32_t eights, uint32_t sums[4])
{
    return add(in, weights, eights, 1, sums);
}

const uint32_t *nn_fully_connected_lanes_2(const int8_t *in, const uint32_t *weights,
                                           int32_t eights, uint32_t sums[4])
{
    return add(in, weights, eights, 2, sums);
}

const uint32_t *nn_fully_connected_lanes_4(const int8_t *in, const uint32_t *weights,
                                           int32_t eights, uint32_t sums[4])
{
    return add(in, weights, eights, 4, sums);
}
