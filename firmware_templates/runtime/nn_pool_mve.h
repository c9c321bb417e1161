/*
 * Sums and maxima over pixels that lie a stride apart, a vector of channels at a time, with twins
 * in portable C. For cores with Helium (MVE) and the tests.
 */
#ifndef NN_POOL_MVE_H
#define NN_POOL_MVE_H

#include <stdint.h>

#define NN_SUM_MVE_CHANNELS     8
#define NN_HIGHEST_MVE_CHANNELS 16
#define NN_SUM_MVE_RUN          256 /* so many int8 values' sum fits 16 bits */

#if defined(__ARM_FEATURE_MVE)

/* sums[i] += in[c] + in[c + stride] ... of 1 <= n <= 256 pixels, for c < channels <= 8; i is c / 2
 * for even c, 4 + c / 2 for odd c. */
static inline void nn_sum_mve_run(const int8_t *in, int32_t stride, int32_t n, int32_t channels,
                                  int32_t sums[8])
{
    uint32_t predicate; /* the compiler's own, which it cannot be told to keep elsewhere */
    __asm volatile("vmrs %[predicate], p0\n\t"
                   "vctp.16 %[channels]\n\t"
                   "vmov.i32 q0, #0\n\t"
                   "dls lr, %[n]\n"
                   "1:\n\t"
                   "vpst\n\t"
                   "vldrbt.s16 q1, [%[in]]\n\t"
                   "add %[in], %[in], %[stride]\n\t"
                   "vadd.i16 q0, q0, q1\n\t"
                   "le lr, 1b\n\t"
                   "vldrw.32 q1, [%[sums]]\n\t"
                   "vmovlb.s16 q2, q0\n\t"
                   "vadd.i32 q1, q1, q2\n\t"
                   "vstrw.32 q1, [%[sums]]\n\t"
                   "vldrw.32 q1, [%[sums], #16]\n\t"
                   "vmovlt.s16 q2, q0\n\t"
                   "vadd.i32 q1, q1, q2\n\t"
                   "vstrw.32 q1, [%[sums], #16]\n\t"
                   "vmsr p0, %[predicate]"
                   : [in] "+l"(in), [predicate] "=&r"(predicate)
                   : [stride] "r"(stride), [n] "r"(n), [channels] "r"(channels), [sums] "r"(sums)
                   : "lr", "q0", "q1", "q2", "memory");
}

/* highest[c] becomes the highest of itself, in[c], in[c + stride] ... of n >= 1 pixels, for c <
 * channels <= 16. */
static inline void nn_highest_mve(const int8_t *in, int32_t stride, int32_t n, int32_t channels,
                                  int8_t highest[16])
{
    uint32_t predicate;
    __asm volatile(
        "vmrs %[predicate], p0\n\t"
        "vctp.8 %[channels]\n\t"
        "vldrb.8 q0, [%[highest]]\n\t"
        "dls lr, %[n]\n"
        "1:\n\t"
        "vpst\n\t"
        "vldrbt.8 q1, [%[in]]\n\t"
        "add %[in], %[in], %[stride]\n\t"
        "vmax.s8 q0, q0, q1\n\t"
        "le lr, 1b\n\t"
        "vstrb.8 q0, [%[highest]]\n\t"
        "vmsr p0, %[predicate]"
        : [in] "+r"(in), [predicate] "=&r"(predicate)
        : [stride] "r"(stride), [n] "r"(n), [channels] "r"(channels), [highest] "r"(highest)
        : "lr", "q0", "q1", "memory");
}

#else

static inline void nn_sum_mve_run(const int8_t *in, int32_t stride, int32_t n, int32_t channels,
                                  int32_t sums[8])
{
    for (; n > 0; n--, in += stride) {
        for (int32_t c = 0; c < channels; c++) {
            sums[c % 2 * 4 + c / 2] += in[c];
        }
    }
}

static inline void nn_highest_mve(const int8_t *in, int32_t stride, int32_t n, int32_t channels,
                                  int8_t highest[16])
{
    for (; n > 0; n--, in += stride) {
        for (int32_t c = 0; c < channels; c++) {
            highest[c] = in[c] > highest[c] ? in[c] : highest[c];
        }
    }
}

#endif

/* The same as nn_sum_mve_run for any n. */
static inline void nn_sum_mve(const int8_t *in, int32_t stride, int32_t n, int32_t channels,
                              int32_t sums[8])
{
    for (; n > NN_SUM_MVE_RUN; n -= NN_SUM_MVE_RUN, in += NN_SUM_MVE_RUN * stride) {
        nn_sum_mve_run(in, stride, NN_SUM_MVE_RUN, channels, sums);
    }
    nn_sum_mve_run(in, stride, n, channels, sums);
}

#endif
