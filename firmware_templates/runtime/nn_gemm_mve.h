/*
 * The product of columns of int8 (pixels) with int8 weights, requantized to int8, for cores with
 * Helium (MVE).
 *
 * in        k bytes for each pixel, in_step bytes from one to the next; nothing behind them is
 *           read.
 * out       out_c bytes for each pixel, one after the other. Must not overlap in.
 * weights   For each group of four output channels c first the channels c and c + 2, then c + 1 and
 *           c + 3: 16 bytes of the one, 16 of the other, the next 16 of the one, to k_padded, which
 *           is k rounded up to a multiple of 16. What lies behind k or out_c does not matter.
 * channels  For each group the bias of c, c + 2, c + 1, c + 3, then four multipliers and four
 *           shifts to the left, of c to c + 3. The input's zero point is folded into the bias.
 *
 * Exact for sums within 32 bits and shifts of -31 to -1. The _relu form needs an output zero point
 * of -128 and clamps there.
 */
#ifndef NN_GEMM_MVE_H
#define NN_GEMM_MVE_H

#include <stddef.h>
#include <stdint.h>

#include "nn_gemm_mve_layout.h"

typedef struct {
    int32_t k, k_padded;
    int32_t in_step;
    int32_t out_c;
    int32_t out_zero_point;
    const int8_t *weights;
    const int32_t *channels;
} nn_gemm_mve;

/* Assembly knows the offsets; pointers are wider on other computers. */
typedef char nn_gemm_mve_layout_is_right
    [sizeof(void *) > 4 || (offsetof(nn_gemm_mve, k) == NN_GEMM_MVE_K &&
                            offsetof(nn_gemm_mve, k_padded) == NN_GEMM_MVE_K_PADDED &&
                            offsetof(nn_gemm_mve, in_step) == NN_GEMM_MVE_IN_STEP &&
                            offsetof(nn_gemm_mve, out_c) == NN_GEMM_MVE_OUT_C &&
                            offsetof(nn_gemm_mve, out_zero_point) == NN_GEMM_MVE_OUT_ZERO_POINT &&
                            offsetof(nn_gemm_mve, weights) == NN_GEMM_MVE_WEIGHTS &&
                            offsetof(nn_gemm_mve, channels) == NN_GEMM_MVE_CHANNELS)
         ? 1
         : -1];

typedef void nn_gemm_mve_function(const nn_gemm_mve *p, const int8_t *in, int8_t *out,
                                  int32_t pixels);

nn_gemm_mve_function nn_gemm_s8_mve;
nn_gemm_mve_function nn_gemm_s8_mve_relu;

#endif
