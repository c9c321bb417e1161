/*
 * Sums of all elements up to each one, along the middle of three dimensions (outer, count, inner),
 * TFLite semantics; `exclusive` ones without the element itself, `reverse` ones from the end on.
 * Floats are added in order, as nn_float.h says. Sums of codes start from minus the zero point, are
 * kept in 32 bits with NN_CUMSUM_PLACES binary places, and wrap around; then they are rescaled.
 * Aliasing: out may be in. Scratch: none.
 */
#ifndef NN_CUMSUM_H
#define NN_CUMSUM_H

#include <stdint.h>

#define NN_CUMSUM_PLACES 19

typedef struct {
    int32_t outer, count, inner;
    int32_t exclusive, reverse;
} nn_cumsum_params;

typedef struct {
    int32_t outer, count, inner;
    int32_t exclusive, reverse;
    int32_t in_zero_point, out_zero_point;
    int32_t multiplier, shift;
} nn_cumsum_s8_params;

void nn_cumsum_s8(const nn_cumsum_s8_params *p, const int8_t *in, int8_t *out);
void nn_cumsum_f32(const nn_cumsum_params *p, const float *in, float *out);

#endif
