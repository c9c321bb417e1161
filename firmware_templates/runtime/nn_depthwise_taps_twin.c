/* The portable twin of nn_depthwise_taps_dsp.S. */
#include "nn_depthwise_taps.h"
#include "nn_dsp.h"

void nn_depthwise_s8_taps(const int8_t *in, const uint32_t *weights, int8_t *out,
                          const nn_depthwise_window *window)
{
    for (int32_t i = 0; i < window->outputs; i++, in += window->in_step) {
        for (int32_t channel = 0; channel < 4; channel++) {
            const uint32_t *tap = weights + 9;
            uint32_t sum = weights[1 + channel];
            for (int32_t y = 0; y < window->rows; y++) {
                const int8_t *x = in + y * window->row_step + channel;
                for (int32_t k = 0; k < window->columns; k++, tap++) {
                    sum += (uint32_t)(x[k * window->tap_step] * (int8_t)(*tap >> 8 * channel));
                }
            }
            int32_t shift = (int32_t)(weights[0] >> 8 * channel & 255u);
            out[i * window->out_step + channel] =
                nn_requantize_doubled((int32_t)(2 * sum), (int32_t)weights[5 + channel],
                                      window->zero_term * (1 << (shift - 1)), shift);
        }
    }
}

/* With a zero point of -128 the sign's correction cannot show: the assembly leaves it out. */
void nn_depthwise_s8_taps_relu(const int8_t *in, const uint32_t *weights, int8_t *out,
                               const nn_depthwise_window *window)
{
    nn_depthwise_s8_taps(in, weights, out, window);
}
