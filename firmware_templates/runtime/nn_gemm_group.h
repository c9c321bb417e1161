/*
 * Four output channels of many pairs of pixels: the products of nn_gemm.h by columns that are ready
 * and the weights of one group.
 */
#ifndef NN_GEMM_GROUP_H
#define NN_GEMM_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "nn_dsp.h"
#include "nn_gemm_layout.h"

typedef struct {
    int32_t pairs;      /* of K, at least two */
    int32_t out_stride; /* bytes from a pixel's outputs to the next pixel's */
    int32_t count;      /* of pairs of pixels, at least one */
} nn_gemm_block;

typedef char nn_gemm_block_is_right[offsetof(nn_gemm_block, pairs) == 0 &&
                                            offsetof(nn_gemm_block, out_stride) == 4 &&
                                            offsetof(nn_gemm_block, count) == 8
                                        ? 1
                                        : -1];

/* columns: of each pair of pixels two words for each pair of K. weights: a group of nn_gemm.h. out:
 * the group's outputs of the first pixel. */
typedef void nn_gemm_group_function(const uint32_t *columns, const uint32_t *weights, int8_t *out,
                                    const nn_gemm_block *block);

nn_gemm_group_function nn_gemm_group_s8_2x4;
nn_gemm_group_function nn_gemm_group_s8_2x4_floor;

#endif
