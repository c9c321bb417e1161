/*
 * Offsets into nn_gemm_mve for assembly; nn_gemm_mve.h checks them.
 */
#ifndef NN_GEMM_MVE_LAYOUT_H
#define NN_GEMM_MVE_LAYOUT_H

#define NN_GEMM_MVE_K              0
#define NN_GEMM_MVE_K_PADDED       4
#define NN_GEMM_MVE_IN_STEP        8
#define NN_GEMM_MVE_OUT_C          12
#define NN_GEMM_MVE_OUT_ZERO_POINT 16
#define NN_GEMM_MVE_WEIGHTS        20
#define NN_GEMM_MVE_CHANNELS       24

#endif
