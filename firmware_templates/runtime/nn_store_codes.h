/*
 * Sums of several channels become codes, for kernels of cores without the DSP extension.
 */
#ifndef NN_STORE_CODES_H
#define NN_STORE_CODES_H

#include <stdint.h>

/* For each channel a multiplier and one bit less than its right shift; for all of them 2 * zero
 * point + 1 and the codes that an activation leaves. */
typedef struct {
    const int32_t *multiplier;
    const int8_t *half_shift;
    int32_t offset, low, high;
} nn_codes;

/* out[i] for i < n from sums[i] and channel `first` + i, by nn_requantize_right; n > 0. */
void nn_store_codes(const nn_codes *codes, int32_t first, const int32_t *sums, int32_t n,
                    int8_t *out);

#endif
