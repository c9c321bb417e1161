#include "nn_difference.h"

#include "nn_fixedpoint.h"
#include "nn_float.h"

/* Of both codes, on the grid of both. */
static int32_t difference(const nn_binary_scaled_params *p, int32_t a, int32_t b)
{
    const int32_t one = 1 << p->left_shift;
    return nn_requantize((a - p->zero_point1) * one, p->multiplier1, p->shift1) -
           nn_requantize((b - p->zero_point2) * one, p->multiplier2, p->shift2);
}

static int32_t code_of(const nn_binary_scaled_params *p, int32_t value)
{
    const int32_t scaled = nn_requantize(value, p->out_multiplier, p->out_shift);
    return nn_clamp(scaled + p->out_zero_point, p->act_min, p->act_max);
}

static int32_t wrapped_difference(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

#define CODES(suffix, type)                                                                        \
    static type nn_sub_##suffix##_of(const nn_binary_scaled_params *p, type a, type b)             \
    {                                                                                              \
        return (type)code_of(p, difference(p, a, b));                                              \
    }                                                                                              \
    static type nn_squared_difference_##suffix##_of(const nn_binary_scaled_params *p, type a,      \
                                                    type b)                                        \
    {                                                                                              \
        const int32_t value = difference(p, a, b);                                                 \
        return (type)code_of(p, value * value);                                                    \
    }                                                                                              \
    NN_BINARY(nn_sub_##suffix, nn_binary_scaled_params, type, type)                                \
    NN_BINARY(nn_squared_difference_##suffix, nn_binary_scaled_params, type, type)

CODES(s8, int8_t)
CODES(s16, int16_t)

static int32_t nn_sub_s32_of(const nn_binary_s32_params *p, int32_t a, int32_t b)
{
    return nn_clamp(wrapped_difference(a, b), p->act_min, p->act_max);
}

static int32_t nn_squared_difference_s32_of(const nn_binary_s32_params *p, int32_t a, int32_t b)
{
    const uint32_t value = (uint32_t)wrapped_difference(a, b);
    (void)p;
    return (int32_t)(value * value);
}

static float nn_sub_f32_of(const nn_binary_f32_params *p, float a, float b)
{
    return nn_clamp_f32(a - b, p->act_min, p->act_max);
}

static float nn_squared_difference_f32_of(const nn_binary_f32_params *p, float a, float b)
{
    const float value = a - b;
    (void)p;
    return value * value;
}

NN_BINARY(nn_sub_s32, nn_binary_s32_params, int32_t, int32_t)
NN_BINARY(nn_squared_difference_s32, nn_binary_s32_params, int32_t, int32_t)
NN_BINARY(nn_sub_f32, nn_binary_f32_params, float, float)
NN_BINARY(nn_squared_difference_f32, nn_binary_f32_params, float, float)
