/*
 * What float32 kernels share. Products and sums are rounded one by one and in the order of
 * TensorFlow Lite Micro's reference kernels, so that their results are the same bit by bit: never
 * fused, never in another order. ISO C (-std=c99) keeps GCC from fusing; the pragma keeps Clang.
 * That holds for finite numbers that do not overflow; the bits of a NaN are the machine's own.
 */
#ifndef NN_FLOAT_H
#define NN_FLOAT_H

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

/* sum += x * w, rounded twice. */
#define NN_MAC_F32(sum, x, w)                                                                      \
    do {                                                                                           \
        float product_ = (x) * (w);                                                                \
        (sum) += product_;                                                                         \
    } while (0)

/* As std::min(std::max(x, low), high) has it for zeros of both signs. */
static inline float nn_clamp_f32(float x, float low, float high)
{
    x = x < low ? low : x;
    return high < x ? high : x;
}

#endif
