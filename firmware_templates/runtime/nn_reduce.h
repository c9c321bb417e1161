/*
 * Reductions over any axes, TFLite semantics. For each place of three nested loops over what is
 * kept, three nested loops over what is reduced; steps are in elements of the input, the output is
 * contiguous, and loops that are not needed have one turn. Of the names _s8, _s16, _f32 and _b (0
 * or 1) is the type of input and output. Floats are combined in order, as nn_float.h says; NaNs do
 * not count in maxima and minima, which start from the largest finite floats. Aliasing: out must
 * not overlap in. Scratch: none.
 */
#ifndef NN_REDUCE_H
#define NN_REDUCE_H

#include <stdint.h>

#define NN_REDUCE_LOOPS 3

typedef struct {
    int32_t kept[NN_REDUCE_LOOPS], kept_step[NN_REDUCE_LOOPS];
    int32_t reduced[NN_REDUCE_LOOPS], reduced_step[NN_REDUCE_LOOPS];
} nn_reduce_params;

/* Sums less `offset`, which must fit int32, are rescaled; of a mean the multiplier holds the
 * division. */
typedef struct {
    int32_t kept[NN_REDUCE_LOOPS], kept_step[NN_REDUCE_LOOPS];
    int32_t reduced[NN_REDUCE_LOOPS], reduced_step[NN_REDUCE_LOOPS];
    int32_t offset, out_zero_point;
    int32_t multiplier, shift;
} nn_reduce_scaled_params;

/* Sums are divided by `count`. */
typedef struct {
    int32_t kept[NN_REDUCE_LOOPS], kept_step[NN_REDUCE_LOOPS];
    int32_t reduced[NN_REDUCE_LOOPS], reduced_step[NN_REDUCE_LOOPS];
    float count;
} nn_reduce_f32_params;

void nn_reduce_sum_s8(const nn_reduce_scaled_params *p, const int8_t *in, int8_t *out);
void nn_reduce_sum_s16(const nn_reduce_scaled_params *p, const int16_t *in, int16_t *out);
void nn_reduce_sum_f32(const nn_reduce_f32_params *p, const float *in, float *out);
void nn_reduce_max_s8(const nn_reduce_params *p, const int8_t *in, int8_t *out);
void nn_reduce_max_f32(const nn_reduce_params *p, const float *in, float *out);
void nn_reduce_min_s8(const nn_reduce_params *p, const int8_t *in, int8_t *out);
void nn_reduce_min_f32(const nn_reduce_params *p, const float *in, float *out);
void nn_reduce_all_b(const nn_reduce_params *p, const uint8_t *in, uint8_t *out);

#endif
