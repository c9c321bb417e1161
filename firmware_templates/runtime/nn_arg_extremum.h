/*
 * Where along the middle one of three dimensions (outer, count, inner) the highest or the lowest
 * value is, TFLite semantics: the first of several; a NaN is neither above nor below anything. Of
 * the names _s8 and _f32 is the type of the input. Aliasing: out must not overlap in. Scratch:
 * none.
 */
#ifndef NN_ARG_EXTREMUM_H
#define NN_ARG_EXTREMUM_H

#include <stdint.h>

typedef struct {
    int32_t outer, count, inner;
} nn_arg_extremum_params;

void nn_arg_max_s8(const nn_arg_extremum_params *p, const int8_t *in, int32_t *out);
void nn_arg_max_f32(const nn_arg_extremum_params *p, const float *in, int32_t *out);
void nn_arg_min_s8(const nn_arg_extremum_params *p, const int8_t *in, int32_t *out);
void nn_arg_min_f32(const nn_arg_extremum_params *p, const float *in, int32_t *out);

#endif
