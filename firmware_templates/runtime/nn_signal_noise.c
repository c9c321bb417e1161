#include "nn_signal_noise.h"

void nn_spectral_subtraction(const nn_spectral_subtraction_params *p, const uint32_t *in,
                             uint32_t *mean, uint32_t *out, uint32_t *noise)
{
    for (int32_t i = 0; i < p->channels; i++) {
        const uint32_t signal = in[i] << p->smoothing_bits;
        const uint64_t now = (uint64_t)signal * p->smoothing[i & 1];
        uint32_t average =
            (uint32_t)((now + (uint64_t)mean[i] * p->one_minus_smoothing[i & 1]) >> p->bits);
        uint32_t taken = average;
        if (average > signal) {
            taken = signal;
            if (p->clamping) {
                average = signal;
            }
        }
        const uint32_t least = (uint32_t)((uint64_t)in[i] * p->min_signal_remaining >> p->bits);
        const uint32_t left = (signal - taken) >> p->smoothing_bits;
        out[i] = left > least ? left : least;
        mean[i] = average;
        noise[i] = average;
    }
}
