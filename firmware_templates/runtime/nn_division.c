#include "nn_division.h"

#include <math.h>

#include "nn_fixedpoint.h"
#include "nn_float.h"

static int32_t nn_div_s32_of(const nn_binary_s32_params *p, int32_t a, int32_t b)
{
    int32_t quotient = 0;
    if (b == -1) {
        quotient = (int32_t)(0u - (uint32_t)a);
    } else if (b != 0) {
        quotient = a / b;
    }
    return nn_clamp(quotient, p->act_min, p->act_max);
}

static float nn_div_f32_of(const nn_binary_f32_params *p, float a, float b)
{
    return nn_clamp_f32(a / b, p->act_min, p->act_max);
}

/* A quotient that float rounds up to a whole number is below it. */
static float nn_floor_div_f32_of(const nn_binary_params *p, float a, float b)
{
    (void)p;
    return (float)floor((double)a / (double)b);
}

/* The remainder has the sign of the divisor. */
static float nn_floor_mod_f32_of(const nn_binary_params *p, float a, float b)
{
    const float cut = fmodf(a, b);
    (void)p;
    return (cut < 0.0f || cut > 0.0f) && (b < 0.0f) != (cut < 0.0f) ? cut + b : cut;
}

NN_BINARY(nn_div_s32, nn_binary_s32_params, int32_t, int32_t)
NN_BINARY(nn_div_f32, nn_binary_f32_params, float, float)
NN_BINARY(nn_floor_div_f32, nn_binary_params, float, float)
NN_BINARY(nn_floor_mod_f32, nn_binary_params, float, float)
