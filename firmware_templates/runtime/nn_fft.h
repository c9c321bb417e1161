/*
 * FFT of real numbers and its inverse, as KISS FFT 130 computes them in TFLM: see nn_fft_loops.h.
 * A row is 2 * count real numbers, or real and imaginary parts by turns of count + 1 frequencies.
 * The factors of `count` are `radices`, of 4, 2, 3 and 5. `roots` are the `count` roots of unity,
 * `turns` what the pass between complex and real numbers turns by.
 *
 * rfft: reads `in_size` <= 2 * count numbers a row, zeros behind them. Scratch: none.
 * irfft: Scratch: a row of the output. It is aligned to 4 bytes.
 * Aliasing: out must not overlap in.
 */
#ifndef NN_FFT_H
#define NN_FFT_H

#include <stdint.h>

#define NN_FFT_STAGES 12

typedef struct {
    int32_t rows, in_size, count, stages;
    int32_t radices[NN_FFT_STAGES];
    const int16_t *roots, *turns;
} nn_fft_s16_params;

void nn_rfft_s16(const nn_fft_s16_params *p, const int16_t *in, int16_t *out);
/* The same for a count whose factors are 4 and 2. */
void nn_rfft_s16_dsp(const nn_fft_s16_params *p, const int16_t *in, int16_t *out);
void nn_irfft_s16(const nn_fft_s16_params *p, const int16_t *in, int16_t *out, int8_t *scratch);

typedef struct {
    int32_t rows, in_size, count, stages;
    int32_t radices[NN_FFT_STAGES];
    const int32_t *roots, *turns;
} nn_fft_s32_params;

void nn_rfft_s32(const nn_fft_s32_params *p, const int32_t *in, int32_t *out);
void nn_irfft_s32(const nn_fft_s32_params *p, const int32_t *in, int32_t *out, int8_t *scratch);

typedef struct {
    int32_t rows, in_size, count, stages;
    int32_t radices[NN_FFT_STAGES];
    const float *roots, *turns;
} nn_fft_f32_params;

void nn_rfft_f32(const nn_fft_f32_params *p, const float *in, float *out);
void nn_irfft_f32(const nn_fft_f32_params *p, const float *in, float *out, int8_t *scratch);

#endif
