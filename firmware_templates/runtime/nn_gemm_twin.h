/*
 * The parts in portable C that the twins of the matrix products share.
 */
#ifndef NN_GEMM_TWIN_H
#define NN_GEMM_TWIN_H

#include <string.h>

#include "nn_dsp.h"
#include "nn_gemm_layout.h"

/* sum[pixel][channel]: D0 and 256 D1 + D0 of two pairs of channels; returns the end of the weights
 * that are sums. */
static inline const uint32_t *nn_gemm_sums_of(const uint32_t *columns, const uint32_t *weights,
                                              int32_t pairs, uint32_t sum[2][4])
{
    memcpy(sum[0], weights, sizeof sum[0]);
    memcpy(sum[1], weights, sizeof sum[1]);
    weights += 4;
    for (int32_t k = 0; k < pairs; k++, weights += 2) {
        for (int32_t pixel = 0; pixel < 2; pixel++) {
            uint32_t x = columns[2 * k + pixel];
            for (int32_t half = 0; half < 2; half++) {
                uint32_t *s = &sum[pixel][2 * half];
                s[0] = nn_smlad(nn_sxtb16(weights[half]), x, s[0]);
                s[1] = nn_smlad(weights[half], x, s[1]);
            }
        }
    }
    return weights;
}

/* 256 times the sum of a channel, of four. */
static inline int32_t nn_gemm_sum256_of(const uint32_t *sum, int32_t channel)
{
    return (int32_t)(channel & 1 ? sum[channel] - sum[channel - 1] : sum[channel] << 8);
}

static inline const uint32_t *nn_gemm_codes_twice_rounded(uint32_t sum[2][4], const uint32_t *w,
                                                          int8_t *out, int32_t out_stride)
{
    for (int32_t i = 0; i < 4; i++, w += 3) {
        int32_t channel = i ^ 1; /* the odd one of two comes first */
        for (int32_t pixel = 0; pixel < 2; pixel++) {
            int32_t doubled = channel & 1 ? nn_gemm_sum256_of(sum[pixel], channel) >> 7
                                          : (int32_t)(2 * sum[pixel][channel]);
            out[pixel * out_stride + channel] =
                nn_requantize_doubled(doubled, (int32_t)w[0], (int32_t)w[1], (int32_t)w[2]);
        }
    }
    return w;
}

static inline const uint32_t *nn_gemm_codes_rounded_down(uint32_t sum[2][4], const uint32_t *w,
                                                         int8_t *out, int32_t out_stride)
{
    for (int32_t i = 0; i < 4; i++, w += 2) {
        int32_t channel = i ^ 1;
        for (int32_t pixel = 0; pixel < 2; pixel++) {
            out[pixel * out_stride + channel] =
                nn_round_down(nn_gemm_sum256_of(sum[pixel], channel), (int32_t)w[0], (int32_t)w[1],
                              NN_GEMM_FLOOR_SHIFT);
        }
    }
    return w;
}

typedef const uint32_t *nn_gemm_codes_function(uint32_t sum[2][4], const uint32_t *w, int8_t *out,
                                               int32_t out_stride);

#endif
