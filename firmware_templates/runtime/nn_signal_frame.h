/*
 * What is done to a frame of int16 samples around its FFT, as TFLM's signal operators do it.
 */
#ifndef NN_SIGNAL_FRAME_H
#define NN_SIGNAL_FRAME_H

#include <stdint.h>

/*
 * out = in * weights / 2^shift, rounded down and clamped; each of `rows` rows of `size` samples has
 * the same weights. Aliasing: out may be in; it must not overlap weights. Scratch: none.
 */
typedef struct {
    int32_t rows, size, shift;
} nn_window_params;

void nn_window(const nn_window_params *p, const int16_t *in, const int16_t *weights, int16_t *out);

/*
 * Shifts `size` samples to the left by so many bits, *bits, that the loudest one just fits. The
 * magnitude of -32768 is -32768 in the search for the loudest, as it is in TFLM: where that is what
 * is found, nothing is shifted; where a later sample takes its place, what does not fit is cut off.
 * Aliasing: out may be in. Scratch: none.
 */
typedef struct {
    int32_t size;
} nn_fft_auto_scale_params;

void nn_fft_auto_scale(const nn_fft_auto_scale_params *p, const int16_t *in, int16_t *out,
                       int32_t *bits);

/*
 * The energies of the frequencies from `start` up to `end` of a spectrum (real and imaginary parts
 * by turns), zeros for the others of `size`, which TFLM leaves unset. Aliasing: out must not
 * overlap in. Scratch: none.
 */
typedef struct {
    int32_t start, end, size;
} nn_energy_params;

void nn_energy(const nn_energy_params *p, const int16_t *in, uint32_t *out);

#endif
