#include "nn_prelu.h"

#include "nn_fixedpoint.h"
#include "nn_float.h"

static int32_t code_of(const nn_binary_scaled_params *p, int32_t a, int32_t b)
{
    int32_t value = a - p->zero_point1;
    if (value >= 0) {
        value = nn_requantize(value, p->multiplier1, p->shift1);
    } else {
        value = nn_requantize(value * (b - p->zero_point2), p->multiplier2, p->shift2);
    }
    return nn_clamp(value + p->out_zero_point, p->act_min, p->act_max);
}

static int8_t nn_prelu_s8_of(const nn_binary_scaled_params *p, int8_t a, int8_t b)
{
    return (int8_t)code_of(p, a, b);
}

static int16_t nn_prelu_s16_of(const nn_binary_scaled_params *p, int16_t a, int8_t b)
{
    return (int16_t)code_of(p, a, b);
}

static float nn_prelu_f32_of(const nn_binary_params *p, float a, float b)
{
    (void)p;
    return a >= 0.0f ? a : a * b;
}

NN_BINARY(nn_prelu_s8, nn_binary_scaled_params, int8_t, int8_t)
NN_BINARY_OF(nn_prelu_s16, nn_binary_scaled_params, int16_t, int8_t, int16_t)
NN_BINARY(nn_prelu_f32, nn_binary_params, float, float)
