/*
 * The Winograd convolution of nn_conv2d_winograd.h with u made at run time of weights that are
 * indices of a codebook: those of each two output channels, (2, 3, 3, in_c), as pairs, filled up to
 * whole blocks of 16 pairs with any.
 *
 * Scratch, aligned to 4: the table of nn_codebook_expand.h, then the weights of two output channels
 * as int8, 18 in_c bytes rounded up to a multiple of 32, then what nn_conv2d_winograd.h asks for.
 */
#ifndef NN_CONV2D_WINOGRAD_CODEBOOK_H
#define NN_CONV2D_WINOGRAD_CODEBOOK_H

#include "nn_codebook_expand.h"
#include "nn_conv2d_winograd.h"

typedef struct {
    nn_conv2d_winograd_params tiles; /* without u and weights */
    int32_t bits;
    nn_codebook_expand_function *expand;
    const int8_t *centroids;
    const uint32_t *indices;
} nn_conv2d_winograd_codebook_params;

void nn_conv2d_s8_winograd_codebook(const nn_conv2d_winograd_codebook_params *p, const int8_t *in,
                                    int8_t *out, int8_t *scratch);

#endif
