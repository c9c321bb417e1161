/*
 * Addition of two tensors of one shape, int8, TFLite semantics, for cores with Helium (MVE). One
 * input has the larger scale, which makes its rescaling a shift: the first, or the second if
 * swapped. With x = large * 2^19 + large_offset + R(small * 2^left + offset) the code is R'(x): R
 * multiplies by `multiplier` and shifts by `shift`, R' by out_multiplier and the shift e to the
 * right, which is 24 - out_shift; `rounding` is 2^(e - 1) + (zero point << e). Both round twice.
 * Exact for shift of -31 to -1 and e of 1 to 22. The _relu form needs an output zero point of -128
 * and clamps there. Aliasing: out may be either input. Scratch: none.
 */
#ifndef NN_ADD_MVE_H
#define NN_ADD_MVE_H

#include <stdint.h>

/* In this order assembly loads them. */
typedef struct {
    int32_t left, offset, multiplier, shift;
    int32_t large_offset;
    int32_t out_multiplier, rounding, out_shift;
} nn_add_mve;

typedef void nn_add_mve_function(const nn_add_mve *p, const int8_t *large, const int8_t *small,
                                 int8_t *out, int32_t count);

nn_add_mve_function nn_add_s8_mve_sum;
nn_add_mve_function nn_add_s8_mve_sum_relu;

typedef struct {
    int32_t count;
    int32_t act_min, act_max;
    int32_t swapped;
    nn_add_mve_function *kernel;
    nn_add_mve sum;
} nn_add_mve_params;

void nn_add_s8_mve(const nn_add_mve_params *p, const int8_t *in1, const int8_t *in2, int8_t *out);

#endif
