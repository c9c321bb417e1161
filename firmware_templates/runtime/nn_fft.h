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

#define NN_FFT_DECLARED(suffix, type)                                                              \
    typedef struct {                                                                               \
        int32_t rows, in_size, count, stages;                                                      \
        int32_t radices[NN_FFT_STAGES];                                                            \
        const type *roots, *turns;                                                                 \
    } nn_fft_##suffix##_params;                                                                    \
    void nn_rfft_##suffix(const nn_fft_##suffix##_params *p, const type *in, type *out);           \
    void nn_irfft_##suffix(const nn_fft_##suffix##_params *p, const type *in, type *out,           \
                           int8_t *scratch);

NN_FFT_DECLARED(s16, int16_t)
NN_FFT_DECLARED(s32, int32_t)
NN_FFT_DECLARED(f32, float)

#endif
