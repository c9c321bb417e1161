/*
 * Fully connected layer whose weights are indices of two to six bits of a codebook (nn_codebook.h),
 * looked up in the inner loop, for cores with the DSP extension.
 *
 * Input and output as nn_fully_connected.h says. Weights, for each four output channels, for each
 * eight inputs k: 16 pairs of indices, of the inputs k and k + 2, of k + 1 and k + 3, of k + 4 and
 * k + 6, of k + 5 and k + 7, each for the four channels in turn. Channels behind the last and
 * inputs behind the last have any index. The input's zero point is folded into the bias.
 * Aliasing: out must not overlap in.
 * Scratch, aligned to 4: 4 << 2 * bits bytes for two to four bits, both centroids of every pair;
 * none for five and six bits, whose centroids are looked up one by one.
 */
#ifndef NN_FULLY_CONNECTED_CODEBOOK_H
#define NN_FULLY_CONNECTED_CODEBOOK_H

#include "nn_codebook.h"
#include "nn_store_codes.h"

/* Adds eight inputs times the weights of four channels, `eights` times; returns the end of the
 * weights. `table` has pairs of centroids, or single ones. */
typedef const uint32_t *nn_fully_connected_codebook_function(const int8_t *in,
                                                             const uint32_t *weights,
                                                             int32_t eights, const void *table,
                                                             uint32_t sums[4]);

nn_fully_connected_codebook_function nn_fully_connected_codebook_2;
nn_fully_connected_codebook_function nn_fully_connected_codebook_3;
nn_fully_connected_codebook_function nn_fully_connected_codebook_4;
nn_fully_connected_codebook_function nn_fully_connected_codebook_5;
nn_fully_connected_codebook_function nn_fully_connected_codebook_6;

typedef struct {
    int32_t rows, in_c, out_c;
    int32_t bits;
    nn_fully_connected_codebook_function *add;
    const int8_t *centroids;
    const uint32_t *weights;
    const int32_t *bias; /* of whole groups of four */
    nn_codes codes;
} nn_fully_connected_codebook_params;

void nn_fully_connected_s8_codebook(const nn_fully_connected_codebook_params *p, const int8_t *in,
                                    int8_t *out, int8_t *scratch);
/* The same without scratch, for five and six bits. */
void nn_fully_connected_s8_codebook_singles(const nn_fully_connected_codebook_params *p,
                                            const int8_t *in, int8_t *out);

/* With codebooks of their own for each `channels` output channels, a multiple of four, whose
 * weights take `words` words; the last ones may be fewer. Centroids lie one behind the other.
 * Scratch as for one codebook. */
typedef struct {
    nn_fully_connected_codebook_params layer;
    int32_t channels;
    int32_t words;
} nn_fully_connected_codebook_groups_params;

void nn_fully_connected_s8_codebook_groups(const nn_fully_connected_codebook_groups_params *p,
                                           const int8_t *in, int8_t *out, int8_t *scratch);
void nn_fully_connected_s8_codebook_groups_singles(
    const nn_fully_connected_codebook_groups_params *p, const int8_t *in, int8_t *out);

#endif
