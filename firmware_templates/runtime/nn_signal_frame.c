#include "nn_signal_frame.h"

#include <string.h>

#include "nn_fixedpoint.h"

void nn_window(const nn_window_params *p, const int16_t *in, const int16_t *weights, int16_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        for (int32_t i = 0; i < p->size; i++) {
            int32_t product = in[i] * weights[i] >> p->shift;
            out[i] = (int16_t)nn_clamp(product, INT16_MIN, INT16_MAX);
        }
        in += p->size;
        out += p->size;
    }
}

void nn_fft_auto_scale(const nn_fft_auto_scale_params *p, const int16_t *in, int16_t *out,
                       int32_t *bits)
{
    int32_t most = 0, shift = 0;
    for (int32_t i = 0; i < p->size; i++) {
        const int32_t x = in[i];
        if (x > most) {
            most = x;
        } else if (-x > most) {
            most = x == INT16_MIN ? x : -x;
        }
    }
    while (most > 0 && most << shift <= INT16_MAX / 2) {
        shift++;
    }
    *bits = shift;
    for (int32_t i = 0; i < p->size; i++) {
        out[i] = (int16_t)(in[i] * (1 << shift));
    }
}

void nn_energy(const nn_energy_params *p, const int16_t *in, uint32_t *out)
{
    memset(out, 0, (size_t)p->start * sizeof *out);
    for (int32_t i = p->start; i < p->end; i++) {
        const int32_t real = in[2 * i], imaginary = in[2 * i + 1];
        out[i] = (uint32_t)(real * real) + (uint32_t)(imaginary * imaginary);
    }
    memset(out + p->end, 0, (size_t)(p->size - p->end) * sizeof *out);
}
