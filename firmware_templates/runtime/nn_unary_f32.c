#include "nn_unary_f32.h"

#include "nn_math_f32.h"

#define UNARY(name, params, value)                                                                 \
    void name(const params *p, const float *in, float *out)                                        \
    {                                                                                              \
        for (int32_t i = 0; i < p->size; i++) {                                                    \
            const float x = in[i];                                                                 \
            out[i] = value;                                                                        \
        }                                                                                          \
    }

static float hard_swish(float x)
{
    float product = x * nn_clamp_f32(x + 3.0f, 0.0f, 6.0f);
    return product / 6.0f;
}

/* Halves to the even number. */
static float rounded(float x)
{
    float low = floorf(x), rest = x - low, half = 0.5f * low;
    return rest < 0.5f || (rest <= 0.5f && half <= floorf(half)) ? low : low + 1.0f;
}

static float gelu(float x)
{
    float half = 0.5f * x;
    return half * nn_erfc_of(x * -0.70710678f);
}

/* 0.5 x (1 + tanh(u)) = x / (1 + exp(-2 u)) */
static float approximate_gelu(float x)
{
    float cube = x * x * x, fine = 0.044715f * cube;
    float inner = 0.79788456f * (x + fine);
    return x / (1.0f + nn_exp_of(-2.0f * inner));
}

UNARY(nn_abs_f32, nn_unary_f32_params, fabsf(x))
UNARY(nn_ceil_f32, nn_unary_f32_params, ceilf(x))
UNARY(nn_cos_f32, nn_unary_f32_params, nn_sine_of(x, 1))
UNARY(nn_elu_f32, nn_unary_f32_params, x < 0.0f ? nn_expm1_of_negative(x) : x)
UNARY(nn_exp_f32, nn_unary_f32_params, nn_exp_of(x))
UNARY(nn_floor_f32, nn_unary_f32_params, floorf(x))
UNARY(nn_gelu_f32, nn_gelu_f32_params, p->approximate ? approximate_gelu(x) : gelu(x))
UNARY(nn_hard_swish_f32, nn_unary_f32_params, hard_swish(x))
UNARY(nn_leaky_relu_f32, nn_leaky_relu_f32_params, x > 0.0f ? x : x * p->alpha)
UNARY(nn_log_f32, nn_unary_f32_params, nn_log_of(x))
UNARY(nn_logistic_f32, nn_unary_f32_params, nn_logistic_of(x))
UNARY(nn_neg_f32, nn_unary_f32_params, -x)
UNARY(nn_relu_n1_to_1_f32, nn_unary_f32_params, nn_clamp_f32(x, -1.0f, 1.0f))
UNARY(nn_round_f32, nn_unary_f32_params, rounded(x))
UNARY(nn_rsqrt_f32, nn_unary_f32_params, 1.0f / sqrtf(x))
UNARY(nn_sin_f32, nn_unary_f32_params, nn_sine_of(x, 0))
UNARY(nn_sqrt_f32, nn_unary_f32_params, sqrtf(x))
UNARY(nn_square_f32, nn_unary_f32_params, x *x)
UNARY(nn_tanh_f32, nn_unary_f32_params, nn_tanh_of(x))
