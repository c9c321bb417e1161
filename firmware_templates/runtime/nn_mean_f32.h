/*
 * Mean over the middle of three dimensions (outer, count, inner), float32, results as nn_float.h
 * says. Aliasing: out must not overlap in. Scratch: none.
 */
#ifndef NN_MEAN_F32_H
#define NN_MEAN_F32_H

#include <stdint.h>

typedef struct {
    int32_t outer, count, inner;
} nn_mean_f32_params;

void nn_mean_f32(const nn_mean_f32_params *p, const float *in, float *out);

#endif
