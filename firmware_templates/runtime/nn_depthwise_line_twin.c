/* The portable twin of nn_depthwise_line_dsp.S. */
#include "nn_depthwise_line.h"
#include "nn_dsp.h"

void nn_depthwise_pack_line(const int8_t *first, const int8_t *second, uint32_t *word,
                            const nn_depthwise_pairs *pairs)
{
    for (int32_t i = 0; i < pairs->pairs; i++, word += 4) {
        for (int32_t channel = 0; channel < 4; channel++) {
            word[channel] = (uint32_t)(uint16_t)first[i * pairs->step + channel] |
                            (uint32_t)(uint16_t)second[i * pairs->step + channel] << 16;
        }
    }
}

void nn_depthwise_s8_line(uint32_t *scratch, const uint32_t *weights, int8_t *out,
                          const nn_depthwise_line *line)
{
    uint32_t shifts = *weights++;
    const uint32_t *strip = scratch + NN_DEPTHWISE_LINE_STRIP;
    for (int32_t channel = 0; channel < 4; channel++, weights += line->tap_words + 2) {
        uint32_t *even = scratch, *odd = scratch + 8, last = 0;
        for (int32_t i = 0; i < line->tap_pairs; i++) {
            uint32_t taps = weights[i / 2];
            even[i] = i % 2 ? nn_sxtb16_high(taps) : nn_sxtb16(taps);
            odd[i] = last >> 16 | even[i] << 16;
            last = even[i];
        }
        int32_t shift = (int32_t)(shifts >> 8 * channel & 255u);
        int32_t bias = (int32_t)weights[line->tap_words];
        int32_t multiplier = (int32_t)weights[line->tap_words + 1];
        for (int32_t y = 0; y < line->outputs; y++) {
            uint32_t sum = 0;
            for (int32_t i = 0; i < line->tap_pairs; i++) {
                sum = nn_smlad(strip[4 * (y / 2 + i) + channel], (y % 2 ? odd : even)[i], sum);
            }
            out[y * line->out_step + channel] =
                nn_requantize_doubled((int32_t)(2 * sum + (uint32_t)bias), multiplier,
                                      line->zero_term * (1 << (shift - 1)), shift);
        }
    }
}

/* With a zero point of -128 the sign's correction cannot show: the assembly leaves it out. */
void nn_depthwise_s8_line_relu(uint32_t *scratch, const uint32_t *weights, int8_t *out,
                               const nn_depthwise_line *line)
{
    nn_depthwise_s8_line(scratch, weights, out, line);
}
