/*
 * Indices of a codebook (nn_codebook.h) become half-words, a pair each, for kernels that use the
 * same weights again and again before they go on to others.
 *
 * The table has a half-word for each pair of up to four bits; for five and six bits those of all
 * first indices, then those of all second ones, which add up.
 */
#ifndef NN_CODEBOOK_EXPAND_H
#define NN_CODEBOOK_EXPAND_H

#include "nn_codebook.h"

/* Bytes of a table. */
#define NN_CODEBOOK_TABLE_BYTES(bits) ((bits) <= 4 ? 2 << 2 * (bits) : 4 << (bits))

/* Half-words 256 second + (first & first_mask): with 0xff two bytes that are read one by one, with
 * -1 paired bytes as nn_gemm.h has them. */
void nn_codebook_table(const int8_t *centroids, int32_t bits, int32_t first_mask, uint16_t *table);

/* 32 indices to eight words, `blocks` times. */
typedef void nn_codebook_expand_function(const uint32_t *indices, int32_t blocks,
                                         const uint16_t *table, uint32_t *words);

nn_codebook_expand_function nn_codebook_expand_1;
nn_codebook_expand_function nn_codebook_expand_2;
nn_codebook_expand_function nn_codebook_expand_3;
nn_codebook_expand_function nn_codebook_expand_4;
nn_codebook_expand_function nn_codebook_expand_5;
nn_codebook_expand_function nn_codebook_expand_6;

#endif
