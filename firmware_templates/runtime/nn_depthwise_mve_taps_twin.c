/* The portable twin of nn_depthwise_s8_mve_window.S. */
#include "nn_depthwise_mve_taps.h"
#include "nn_requantize_mve.h"

void nn_depthwise_s8_mve_window(const nn_depthwise_mve_window *window)
{
    for (int32_t c = 0; c < window->channels; c++) {
        const int8_t *x = window->in + window->offsets[c], *w = window->weights + c;
        const int32_t *numbers = window->numbers + c % 2 * 4 + c / 2; /* even channels first */
        int32_t sum = numbers[0];
        for (int32_t row = 0; row < window->rows; row++) {
            for (int32_t column = 0; column < window->columns; column++) {
                sum += (*x + window->in_offset) * *w;
                x += window->in_step;
                w += NN_DEPTHWISE_MVE_TAPS_GROUP;
            }
            x += window->in_skip;
            w += window->weights_skip;
        }
        window->out[c] = nn_code_of_sum(sum, numbers[8], numbers[16], window->out_zero_point);
    }
}
