/*
 * Rows divided by their lengths, TFLite semantics. Int8: the output's scale is 1/128, its zero
 * point 0; rows have at most 33025 columns. Float32: by no less than 1e-6, results as nn_float.h
 * says. Aliasing: out may be in. Scratch: none.
 */
#ifndef NN_L2_NORMALIZATION_H
#define NN_L2_NORMALIZATION_H

#include <stdint.h>

typedef struct {
    int32_t rows, columns;
    int32_t zero_point;
} nn_l2_normalization_params;

void nn_l2_normalization_s8(const nn_l2_normalization_params *p, const int8_t *in, int8_t *out);
void nn_l2_normalization_f32(const nn_l2_normalization_params *p, const float *in, float *out);

#endif
