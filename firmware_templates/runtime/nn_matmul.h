/*
 * Products of matrices, TFLite semantics: out[r][c] = sum over k of a[r][k] * b[k][c], for each of
 * many matrices that lie in three nested loops.
 *
 * Steps are in elements, so either matrix may be transposed and either may be broadcast (a step of
 * 0 from matrix to matrix); the output is contiguous. Sums of int8 and int16 are exact; those of
 * float32 are rounded after each product, in the order of k.
 * Aliasing: out must not overlap a or b. Scratch: none, but for nn_matmul_s8_dsp.
 */
#ifndef NN_MATMUL_H
#define NN_MATMUL_H

#include <stdint.h>

typedef struct {
    int32_t turns[3], a_turn[3], b_turn[3]; /* matrices, and the steps between them */
    int32_t rows, columns, depth;
    int32_t a_row, a_depth;    /* steps from row to row and from k to k */
    int32_t b_column, b_depth; /* from column to column and from k to k */
} nn_matmul_shape;

/* bias has an entry for each column, and so have multiplier and shift where `column` is 1; where it
 * is 0 they have one. The int32 sums must not overflow. */
typedef struct {
    nn_matmul_shape shape;
    int32_t a_zero_point, b_zero_point, out_zero_point;
    int32_t act_min, act_max;
    int32_t column;
    const int32_t *bias; /* 0: there is none */
    const int32_t *multiplier;
    const int8_t *shift;
} nn_matmul_params;

/* factor and shift are those of nn_requantize_wide.h. */
typedef struct {
    nn_matmul_shape shape;
    int32_t act_min, act_max;
    int32_t factor, shift;
} nn_matmul_s16_params;

typedef struct {
    nn_matmul_shape shape;
    int32_t is_clamped; /* else act_min and act_max are not looked at */
    float act_min, act_max;
    const float *bias; /* 0: there is none */
} nn_matmul_f32_params;

void nn_matmul_s8(const nn_matmul_params *p, const int8_t *a, const int8_t *b, int8_t *out);
void nn_matmul_s16(const nn_matmul_s16_params *p, const int16_t *a, const int16_t *b, int16_t *out);
void nn_matmul_f32(const nn_matmul_f32_params *p, const float *a, const float *b, float *out);

/* The same for cores with the DSP extension, when a_depth is 1, every shift is one of 1 to 22 to
 * the right and every sum is below 2^30 in size. Scratch, aligned to 4: four columns of b as int16,
 * 8 bytes for each k, of which there are as many as fill fours. */
void nn_matmul_s8_dsp(const nn_matmul_params *p, const int8_t *a, const int8_t *b, int8_t *out,
                      int8_t *scratch);

/* Every matrix of both in turn: the body sees pointers a_matrix and b_matrix. */
#define NN_EACH_MATRIX(shape, type, a, b, body)                                                    \
    for (int32_t i0 = 0; i0 < (shape)->turns[0]; i0++) {                                           \
        for (int32_t i1 = 0; i1 < (shape)->turns[1]; i1++) {                                       \
            for (int32_t i2 = 0; i2 < (shape)->turns[2]; i2++) {                                   \
                const type *a_matrix = (a) + i0 * (shape)->a_turn[0] + i1 * (shape)->a_turn[1] +   \
                                       i2 * (shape)->a_turn[2];                                    \
                const type *b_matrix = (b) + i0 * (shape)->b_turn[0] + i1 * (shape)->b_turn[1] +   \
                                       i2 * (shape)->b_turn[2];                                    \
                body                                                                               \
            }                                                                                      \
        }                                                                                          \
    }

#endif
