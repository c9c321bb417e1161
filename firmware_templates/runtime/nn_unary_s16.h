/*
 * Functions of one int16 code, zero points 0, element by element as TensorFlow Lite computes them.
 * Aliasing: out may be in. Scratch: none.
 */
#ifndef NN_UNARY_S16_H
#define NN_UNARY_S16_H

#include <stdint.h>

typedef struct {
    int32_t size;
    int32_t multiplier, shift; /* from the input's scale to the output's */
} nn_abs_s16_params;

typedef struct {
    int32_t size;
    int32_t rising, falling; /* multipliers of codes from 0 on, and of those below, of any sign */
    int32_t rising_shift, falling_shift;
} nn_leaky_relu_s16_params;

typedef struct {
    int32_t size;
    int32_t multiplier, shift; /* from 1 / sqrt(code) to the output's codes; shift from -11 on */
} nn_rsqrt_s16_params;

/* code * multiplier, shifted right by shift, is the argument of nn_sigmoid16.h. |multiplier| <
 * 2^15. */
typedef struct {
    int32_t size;
    int32_t multiplier, shift;
} nn_table_s16_params;

void nn_abs_s16(const nn_abs_s16_params *p, const int16_t *in, int16_t *out);
void nn_leaky_relu_s16(const nn_leaky_relu_s16_params *p, const int16_t *in, int16_t *out);
void nn_logistic_s16(const nn_table_s16_params *p, const int16_t *in, int16_t *out);
void nn_rsqrt_s16(const nn_rsqrt_s16_params *p, const int16_t *in, int16_t *out);
void nn_tanh_s16(const nn_table_s16_params *p, const int16_t *in, int16_t *out);

#endif
