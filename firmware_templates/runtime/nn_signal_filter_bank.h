/*
 * From energies to features, as TFLM's signal operators make them. Numbers of 64 bits are read and
 * written byte by byte: they may lie at any address. Scratch: none.
 */
#ifndef NN_SIGNAL_FILTER_BANK_H
#define NN_SIGNAL_FILTER_BANK_H

#include <stdint.h>

/*
 * Channel k of `channels` + 1 picks widths[k] energies from starts[k] on and as many weights from
 * places[k] on. Its sum is that of energies times weights and of what the channel before left over,
 * its energies times left_over; the sum of channel 0 is dropped. Sums are of 64 bits. Aliasing: out
 * must not overlap in.
 */
typedef struct {
    int32_t channels;
    const int16_t *weights, *left_over, *starts, *places, *widths;
} nn_filter_bank_params;

void nn_filter_bank(const nn_filter_bank_params *p, const uint32_t *in, void *out);

/*
 * out = sqrt(in) / 2^(*bits modulo 32): the root is rounded to the nearest (but 2^16 - 1, the root
 * of what fits 32 bits, and 2^32 - 1 are never rounded up), the quotient down. Aliasing: out must
 * not overlap in.
 */
typedef struct {
    int32_t channels;
} nn_filter_bank_square_root_params;

void nn_filter_bank_square_root(const nn_filter_bank_square_root_params *p, const void *in,
                                const int32_t *bits, uint32_t *out);

/*
 * The natural logarithm of in * 2^correction_bits, in 32 bits, times scale / 2^16 and clamped; 0
 * for what is not above 1. `table` has log2(1 + i / 128) - i / 128 in units of 2^-16, for i from 0
 * to 128. Aliasing: out must not overlap in.
 */
typedef struct {
    int32_t channels, correction_bits, scale;
    const uint16_t *table;
} nn_filter_bank_log_params;

void nn_filter_bank_log(const nn_filter_bank_log_params *p, const uint32_t *in, int16_t *out);

/*
 * Per-channel amplitude normalization: in times a gain for the noise, of which `gains` has a
 * quadratic for each number of bits, shifted right by snr_shift and shrunk: x^2 / 4 below 2, x - 1
 * from there on. Aliasing: out may be in or noise.
 */
typedef struct {
    int32_t channels, snr_shift;
} nn_pcan_params;

void nn_pcan(const nn_pcan_params *p, const uint32_t *in, const uint32_t *noise,
             const int16_t *gains, uint32_t *out);

#endif
