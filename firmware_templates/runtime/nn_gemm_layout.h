/*
 * Offsets into nn_gemm_shape for assembly; nn_gemm.h checks them.
 */
#ifndef NN_GEMM_LAYOUT_H
#define NN_GEMM_LAYOUT_H

#define NN_GEMM_PAIRS      0
#define NN_GEMM_GROUPS     4
#define NN_GEMM_OUT_STRIDE 8

#endif
