/*
 * Weights that are stored in fewer bits become words of int8 weights, for kernels that use the same
 * weights again and again before they go on to others.
 *
 * Bytes 0 and 1 of a word are two weights, bytes 2 and 3 two more. Paired, each half-word is 256
 * second + first, as nn_gemm.h has it, so that a negative first one takes one from the second;
 * functions with `bytes` in their names leave the bytes as they are.
 */
#ifndef NN_EXPAND_H
#define NN_EXPAND_H

#include "nn_codebook.h"

/* `blocks` blocks become words; returns the end of what is stored. */
typedef const uint32_t *nn_expand_function(const uint32_t *stored, int32_t blocks,
                                           const uint16_t *table, uint32_t *words);

/* Indices of a codebook (nn_codebook.h), a block of 32 to eight words. */
nn_expand_function nn_expand_codebook_1;
nn_expand_function nn_expand_codebook_2;
nn_expand_function nn_expand_codebook_3;
nn_expand_function nn_expand_codebook_4;
nn_expand_function nn_expand_codebook_5;
nn_expand_function nn_expand_codebook_6;

/* Digits of base three, for centroids that are equally far apart: a block is a word, which becomes
 * five. Byte i has byte i of these, the first one's digit worth 81; it is the smallest number that
 * is 256/243 of that. The table is that of a codebook of two bits. */
nn_expand_function nn_expand_ternary;
nn_expand_function nn_expand_ternary_bytes;

/* Four weights at a time, those that are not all zero. Before each 32 of these fours a word has a
 * bit for each, the first one lowest. No table.
 * A block of nn_expand_sparse is four words, which has for each of four channels a four: of
 * channels 0 and 1 the halves of words 0 and 2, of channels 2 and 3 those of words 1 and 3; bytes 0
 * and 2 of a four are in the first one of these words. A block of nn_expand_sparse_bytes is one
 * word and a four. */
nn_expand_function nn_expand_sparse;
nn_expand_function nn_expand_sparse_bytes;

/* Bytes of a codebook's table. */
#define NN_CODEBOOK_TABLE_BYTES(bits) ((bits) <= 4 ? 2 << 2 * (bits) : 4 << (bits))

/* The table has a half-word for each pair of up to four bits; for five and six bits those of all
 * first indices, then those of all second ones, which add up. A half-word is 256 second + (first &
 * first_mask): 0xff leaves the bytes as they are, -1 pairs them. */
void nn_codebook_table(const int8_t *centroids, int32_t bits, int32_t first_mask, uint16_t *table);

#endif
