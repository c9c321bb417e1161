/*
 * Addition of two int8 tensors of one shape, TFLite semantics, for cores with the DSP extension:
 * by tables of the rescaled inputs in flash, by tables made at run time, or rescaling each element.
 * All are exact while the right shift of the sum's requantization is in 1 to 22.
 * Aliasing: out may be the same memory as an input. Scratch: 2048 bytes, aligned to 4, for tables
 * made at run time.
 */
#ifndef NN_ADD_DSP_H
#define NN_ADD_DSP_H

#include <stddef.h>
#include <stdint.h>

#include "nn_add_layout.h"
#include "nn_dsp.h"

typedef struct {
    int32_t count;
    int32_t multiplier, rounding, shift; /* rounding: 2^(shift - 1) + (zero point << shift) */
    int32_t second;                      /* where the second input's table starts, 0 or 256 */
} nn_add_sum;

typedef char nn_add_layout_is_right[offsetof(nn_add_sum, count) == NN_ADD_COUNT &&
                                            offsetof(nn_add_sum, multiplier) == NN_ADD_MULTIPLIER &&
                                            offsetof(nn_add_sum, rounding) == NN_ADD_ROUNDING &&
                                            offsetof(nn_add_sum, shift) == NN_ADD_SHIFT &&
                                            offsetof(nn_add_sum, second) == NN_ADD_SECOND
                                        ? 1
                                        : -1];

/* All elements of the whole fours of `count`. `tables` holds twice the rescaled value of each code,
 * in the order 0 to 127, -128 to -1. */
typedef void nn_add_function(const nn_add_sum *sum, const int8_t *in1, const int8_t *in2,
                             int8_t *out, const int32_t *tables);

nn_add_function nn_add_fours;
nn_add_function nn_add_fours_relu; /* output zero point -128: clamps there */

/* The elements behind the last whole four. */
static inline void nn_add_rest(const nn_add_sum *sum, const int8_t *in1, const int8_t *in2,
                               int8_t *out, const int32_t *tables)
{
    for (int32_t i = sum->count - sum->count % 4; i < sum->count; i++) {
        int32_t doubled = tables[(uint8_t)in1[i]] + tables[sum->second + (uint8_t)in2[i]];
        out[i] = nn_requantize_doubled(doubled, sum->multiplier, sum->rounding, sum->shift);
    }
}

typedef struct {
    int32_t act_min, act_max;
    nn_add_sum sum;
    nn_add_function *kernel;
    const int32_t *tables;
} nn_add_tables_params;

/* An input's rescaled value is (code * scale - offset) * multiplier / 2^32, rounded to the nearest,
 * then shifted right by `shift` with halves rounded away from zero. 1 <= shift <= 31. */
typedef struct {
    int32_t scale, offset, multiplier, rounding, shift;
} nn_add_input;

static inline int32_t nn_add_rescale(const nn_add_input *p, int32_t code)
{
    int32_t high = nn_smmulr(code * p->scale - p->offset, p->multiplier);
    return (high + (high >> 31) + p->rounding) >> p->shift;
}

typedef struct {
    int32_t act_min, act_max;
    nn_add_sum sum;
    nn_add_function *kernel;
    nn_add_input first, second;
} nn_add_built_params;

typedef struct {
    int32_t act_min, act_max;
    nn_add_sum sum;
    int32_t offset; /* of the first input, which has the larger scale: (code << 20) - offset */
    nn_add_input second;
    int32_t swapped; /* the first input is in2 */
} nn_add_dsp_params;

void nn_add_s8_tables(const nn_add_tables_params *p, const int8_t *in1, const int8_t *in2,
                      int8_t *out);
void nn_add_s8_built(const nn_add_built_params *p, const int8_t *in1, const int8_t *in2,
                     int8_t *out, int8_t *scratch);
void nn_add_s8_dsp(const nn_add_dsp_params *p, const int8_t *in1, const int8_t *in2, int8_t *out);

#endif
