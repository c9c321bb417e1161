/*
 * Offsets into nn_gemm_run and nn_gemm_shape for assembly, where pointers have four bytes;
 * nn_gemm.h checks them.
 */
#ifndef NN_GEMM_LAYOUT_H
#define NN_GEMM_LAYOUT_H

#define NN_GEMM_A          0
#define NN_GEMM_B          4
#define NN_GEMM_OUT        8
#define NN_GEMM_COLUMNS    12
#define NN_GEMM_WEIGHTS    16
#define NN_GEMM_STEP       20
#define NN_GEMM_ROW_STEP   24
#define NN_GEMM_OUT_STRIDE 28
#define NN_GEMM_COUNT      32

#define NN_GEMM_ROWS        0
#define NN_GEMM_ROW_BYTES   4
#define NN_GEMM_LONGER_ROWS 8
#define NN_GEMM_PAIRS       12
#define NN_GEMM_GROUPS      16

/* Bits below a code in the high word of the _floor form's product. */
#define NN_GEMM_FLOOR_SHIFT 12

#endif
