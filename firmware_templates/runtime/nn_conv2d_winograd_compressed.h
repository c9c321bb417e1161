/*
 * The Winograd convolution of nn_conv2d_winograd.h with u made at run time of weights that are
 * stored in fewer bits: those of each two output channels, (2, 3, 3, in_c), as `blocks` blocks of
 * bytes of nn_expand.h, filled up with any.
 *
 * Scratch, aligned to 4: the table of nn_expand.h, then the `words` words that the blocks become,
 * then what nn_conv2d_winograd.h asks for.
 */
#ifndef NN_CONV2D_WINOGRAD_COMPRESSED_H
#define NN_CONV2D_WINOGRAD_COMPRESSED_H

#include "nn_conv2d_winograd.h"
#include "nn_expand.h"

typedef struct {
    nn_conv2d_winograd_params tiles; /* without u and weights */
    int32_t blocks;
    int32_t words;
    int32_t bits; /* of the codebook */
    nn_expand_function *expand;
    const int8_t *centroids;
    const uint32_t *weights;
} nn_conv2d_winograd_compressed_params;

void nn_conv2d_s8_winograd_compressed(const nn_conv2d_winograd_compressed_params *p,
                                      const int8_t *in, int8_t *out, int8_t *scratch);

/* With codebooks of their own for each `channels` output channels, a multiple of four; the last
 * ones may be fewer. Centroids lie one behind the other; the one table is made anew for each
 * codebook. */
typedef struct {
    nn_conv2d_winograd_compressed_params layer;
    int32_t channels;
} nn_conv2d_winograd_compressed_groups_params;

void nn_conv2d_s8_winograd_compressed_groups(const nn_conv2d_winograd_compressed_groups_params *p,
                                             const int8_t *in, int8_t *out, int8_t *scratch);

#endif
