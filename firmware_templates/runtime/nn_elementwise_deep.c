#include "nn_elementwise_deep.h"

#include "nn_fixedpoint.h"
#include "nn_float.h"

static int32_t code_of(const nn_binary_scaled_params *p, int32_t value)
{
    const int32_t scaled = nn_requantize(value, p->out_multiplier, p->out_shift);
    return nn_clamp(scaled + p->out_zero_point, p->act_min, p->act_max);
}

static int32_t sum_of_codes(const nn_binary_scaled_params *p, int32_t a, int32_t b)
{
    const int32_t one = 1 << p->left_shift;
    return code_of(p, nn_requantize((a - p->zero_point1) * one, p->multiplier1, p->shift1) +
                          nn_requantize((b - p->zero_point2) * one, p->multiplier2, p->shift2));
}

static int32_t product_of_codes(const nn_binary_scaled_params *p, int32_t a, int32_t b)
{
    return code_of(p, (a - p->zero_point1) * (b - p->zero_point2));
}

#define CODES(suffix, type)                                                                        \
    static type nn_add_deep_##suffix##_of(const nn_binary_scaled_params *p, type a, type b)        \
    {                                                                                              \
        return (type)sum_of_codes(p, a, b);                                                        \
    }                                                                                              \
    static type nn_mul_deep_##suffix##_of(const nn_binary_scaled_params *p, type a, type b)        \
    {                                                                                              \
        return (type)product_of_codes(p, a, b);                                                    \
    }                                                                                              \
    NN_BINARY(nn_add_deep_##suffix, nn_binary_scaled_params, type, type)                           \
    NN_BINARY(nn_mul_deep_##suffix, nn_binary_scaled_params, type, type)

CODES(s8, int8_t)
CODES(s16, int16_t)

static int32_t nn_add_deep_s32_of(const nn_binary_s32_params *p, int32_t a, int32_t b)
{
    return nn_clamp((int32_t)((uint32_t)a + (uint32_t)b), p->act_min, p->act_max);
}

static int32_t nn_mul_deep_s32_of(const nn_binary_s32_params *p, int32_t a, int32_t b)
{
    return nn_clamp((int32_t)((uint32_t)a * (uint32_t)b), p->act_min, p->act_max);
}

static float nn_add_deep_f32_of(const nn_binary_f32_params *p, float a, float b)
{
    return nn_clamp_f32(a + b, p->act_min, p->act_max);
}

static float nn_mul_deep_f32_of(const nn_binary_f32_params *p, float a, float b)
{
    return nn_clamp_f32(a * b, p->act_min, p->act_max);
}

NN_BINARY(nn_add_deep_s32, nn_binary_s32_params, int32_t, int32_t)
NN_BINARY(nn_mul_deep_s32, nn_binary_s32_params, int32_t, int32_t)
NN_BINARY(nn_add_deep_f32, nn_binary_f32_params, float, float)
NN_BINARY(nn_mul_deep_f32, nn_binary_f32_params, float, float)
