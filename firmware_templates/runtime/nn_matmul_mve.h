/*
 * A convolution of single pixels, or a fully connected layer: every `in_step` bytes of the input
 * give out_c outputs, as nn_gemm_mve.h says, clamped to the fused activation's range. Aliasing: out
 * must not overlap in. Scratch: none.
 */
#ifndef NN_MATMUL_MVE_H
#define NN_MATMUL_MVE_H

#include <stdint.h>

#include "nn_gemm_mve.h"

#define NN_MATMUL_MVE_COPIED 12 /* pixels */

typedef struct {
    int32_t pixels;
    int32_t act_min, act_max;
    nn_gemm_mve_function *kernel;
    nn_gemm_mve gemm;
} nn_matmul_mve_params;

void nn_matmul_s8_mve(const nn_matmul_mve_params *p, const int8_t *in, int8_t *out);
void nn_matmul_s8_mve_in_place(const nn_matmul_mve_params *p, const int8_t *in, int8_t *out,
                               int8_t *scratch);

#endif
