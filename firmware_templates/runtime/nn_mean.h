/*
 * Mean over the middle one of three dimensions (outer, count, inner), int8, TFLite semantics. The
 * multiplier holds the division by count. Aliasing: out must not overlap in. Scratch: none.
 */
#ifndef NN_MEAN_H
#define NN_MEAN_H

#include <stdint.h>

typedef struct {
    int32_t outer, count, inner;
    int32_t in_zero_point, out_zero_point;
    int32_t multiplier, shift;
} nn_mean_params;

void nn_mean_s8(const nn_mean_params *p, const int8_t *in, int8_t *out);

/* For cores with Helium (MVE). */
void nn_mean_s8_mve(const nn_mean_params *p, const int8_t *in, int8_t *out);

#endif
