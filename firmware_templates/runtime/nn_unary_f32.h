/*
 * Functions of one float32 number, element by element, rounded as nn_float.h says; what is no
 * arithmetic is by nn_math_f32.h. Aliasing: out may be in. Scratch: none.
 */
#ifndef NN_UNARY_F32_H
#define NN_UNARY_F32_H

#include <stdint.h>

typedef struct {
    int32_t size;
} nn_unary_f32_params;

typedef struct {
    int32_t size;
    int32_t approximate; /* by the logistic function */
} nn_gelu_f32_params;

typedef struct {
    int32_t size;
    float alpha; /* the factor of numbers that are not above 0 */
} nn_leaky_relu_f32_params;

void nn_abs_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_ceil_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_cos_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_elu_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_exp_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_floor_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_gelu_f32(const nn_gelu_f32_params *p, const float *in, float *out);
void nn_hard_swish_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_leaky_relu_f32(const nn_leaky_relu_f32_params *p, const float *in, float *out);
void nn_log_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_logistic_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_neg_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_relu_n1_to_1_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_round_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_rsqrt_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_sin_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_sqrt_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_square_f32(const nn_unary_f32_params *p, const float *in, float *out);
void nn_tanh_f32(const nn_unary_f32_params *p, const float *in, float *out);

#endif
