/*
 * The spectral subtraction of TFLM's signal operators. `mean` is the state: running means of the
 * `channels` signals, with `smoothing_bits` fractional bits. A mean becomes `smoothing` times the
 * signal and `one_minus_smoothing` times itself, the first of the pair for channels 0, 2, ...; it
 * is subtracted from the signal, of which `min_signal_remaining` is left at least. These shares are
 * of 2^bits. With `clamping` a mean above its signal falls to that. noise is a copy of the means.
 * Arithmetic is unsigned and wraps round. Aliasing: nothing may overlap. Scratch: none.
 */
#ifndef NN_SIGNAL_NOISE_H
#define NN_SIGNAL_NOISE_H

#include <stdint.h>

typedef struct {
    int32_t channels;
    uint32_t smoothing[2], one_minus_smoothing[2], min_signal_remaining;
    int32_t smoothing_bits, bits, clamping;
} nn_spectral_subtraction_params;

void nn_spectral_subtraction(const nn_spectral_subtraction_params *p, const uint32_t *in,
                             uint32_t *mean, uint32_t *out, uint32_t *noise);

#endif
