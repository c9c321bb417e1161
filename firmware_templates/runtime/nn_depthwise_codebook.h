/*
 * Depthwise convolutions whose weights are indices of a codebook: the kernels of
 * nn_depthwise_3x3.h, nn_depthwise_line.h and nn_depthwise_taps.h for four channels after the
 * other, whose weights are made in scratch.
 *
 * numbers: of each four channels what those kernels' weights have besides taps: a word of the bytes
 * beside the taps (shifts), then for each channel two words; for taps first the biases of all four,
 * then the multipliers. indices: of `bits` bits, from the lowest of a byte on, whole bytes for four
 * channels. For taps, tap by tap of four channels; else channel by channel, for 3x3 in the order
 * w00 w01 w10 w11 w20 w21 w02 w12 w22.
 * Aliasing as those kernels say. Scratch, aligned to 4: their weights of four channels, then
 * theirs.
 */
#ifndef NN_DEPTHWISE_CODEBOOK_H
#define NN_DEPTHWISE_CODEBOOK_H

#include "nn_depthwise_3x3.h"
#include "nn_depthwise_line.h"
#include "nn_depthwise_taps.h"

typedef struct {
    int32_t bits;
    const int8_t *centroids;
    const uint32_t *numbers;
    const uint8_t *indices;
} nn_depthwise_codebook;

/* n centroids of the indices from `stored` on; returns the next whole byte. */
const uint8_t *nn_depthwise_centroids(const nn_depthwise_codebook *p, const uint8_t *stored,
                                      int32_t n, int8_t *centroids);

/* All with the layer's parameters but for its weights. */
typedef struct {
    nn_depthwise_3x3_params layer;
    nn_depthwise_codebook weights;
} nn_depthwise_3x3_codebook_params;

typedef struct {
    nn_depthwise_line_params layer;
    nn_depthwise_codebook weights;
} nn_depthwise_line_codebook_params;

typedef struct {
    nn_depthwise_taps_params layer;
    nn_depthwise_codebook weights;
} nn_depthwise_taps_codebook_params;

void nn_depthwise_conv2d_s8_3x3_codebook(const nn_depthwise_3x3_codebook_params *p,
                                         const int8_t *in, int8_t *out, int8_t *scratch);
void nn_depthwise_conv2d_s8_line_codebook(const nn_depthwise_line_codebook_params *p,
                                          const int8_t *in, int8_t *out, int8_t *scratch);
void nn_depthwise_conv2d_s8_taps_codebook(const nn_depthwise_taps_codebook_params *p,
                                          const int8_t *in, int8_t *out, int8_t *scratch);

/* All with codebooks of their own for each `channels` channels, a multiple of four; the last ones
 * may be fewer. Centroids lie one behind the other; a last four that overlaps those before has all
 * its centroids in the last codebook. */
typedef struct {
    int32_t channels;
    int32_t index_bytes; /* of so many */
} nn_depthwise_groups;

typedef struct {
    nn_depthwise_3x3_codebook_params one;
    nn_depthwise_groups groups;
} nn_depthwise_3x3_groups_params;

typedef struct {
    nn_depthwise_line_codebook_params one;
    nn_depthwise_groups groups;
} nn_depthwise_line_groups_params;

typedef struct {
    nn_depthwise_taps_codebook_params one;
    nn_depthwise_groups groups;
} nn_depthwise_taps_groups_params;

void nn_depthwise_conv2d_s8_3x3_groups(const nn_depthwise_3x3_groups_params *p, const int8_t *in,
                                       int8_t *out, int8_t *scratch);
void nn_depthwise_conv2d_s8_line_groups(const nn_depthwise_line_groups_params *p, const int8_t *in,
                                        int8_t *out, int8_t *scratch);
void nn_depthwise_conv2d_s8_taps_groups(const nn_depthwise_taps_groups_params *p, const int8_t *in,
                                        int8_t *out, int8_t *scratch);

#endif
