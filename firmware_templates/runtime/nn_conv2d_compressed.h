/*
 * 2-D convolution whose weights are stored in fewer bits, as a matrix product over pairs of output
 * pixels, for cores with the DSP extension and an FPU. Input, output and windows as
 * nn_conv2d_gemm.h says.
 *
 * The windows of `block` pairs of pixels are widened to columns; then the weights of four output
 * channels after the other are expanded and multiplied with all of these. Weights: the groups of
 * nn_gemm.h, the words for the pairs of K as `blocks` blocks of nn_expand.h, filled up with any.
 * Aliasing: out must not overlap in, but as far as a pixel's outputs are written when the windows
 * of the pixels before the next block have been read.
 *
 * Scratch, aligned to 4: for each pair of pixels of a block 8 bytes for each pair of K; the weights
 * of a group (64 bytes and `words` words); the table of nn_expand.h; from `image.copies` on two
 * windows, if any is copied.
 */
#ifndef NN_CONV2D_COMPRESSED_H
#define NN_CONV2D_COMPRESSED_H

#include "nn_conv2d_gemm.h"
#include "nn_expand.h"
#include "nn_gemm_group.h"

typedef struct {
    nn_conv2d_gemm_params image; /* without gemm */
    int32_t block;
    int32_t blocks;
    int32_t words;   /* that the blocks become */
    int32_t bits;    /* of the codebook */
    int32_t numbers; /* words behind the products of a group */
    nn_expand_function *expand;
    nn_gemm_group_function *group;
    const int8_t *centroids;
} nn_conv2d_compressed_params;

void nn_conv2d_s8_compressed(const nn_conv2d_compressed_params *p, const int8_t *in, int8_t *out,
                             int8_t *scratch);

/* With codebooks of their own for each `channels` output channels, a multiple of four; the last
 * ones may be fewer. Centroids and, in scratch, tables lie one behind the other. */
typedef struct {
    nn_conv2d_compressed_params layer;
    int32_t channels;
} nn_conv2d_compressed_groups_params;

void nn_conv2d_s8_compressed_groups(const nn_conv2d_compressed_groups_params *p, const int8_t *in,
                                    int8_t *out, int8_t *scratch);

#endif
