#include "nn_division.h"

#include <math.h>

#include "nn_fixedpoint.h"
#include "nn_float.h"
#include "nn_softmax_fixedpoint.h"

/* The dividend as large as 32 bits allow, times the reciprocal of the divisor. What the definition
 * shifts by more than 31 is 1 or -1. */
static int32_t quotient(const nn_binary_scaled_params *p, int32_t a, int32_t b)
{
    if (b == 0) {
        return 0;
    }
    a = b < 0 ? -a : a;
    b = b < 0 ? -b : b;
    int32_t zeros = nn_leading_zeros((uint32_t)b), headroom = 31;
    if (a != 0 && a != -1) {
        headroom = nn_leading_zeros((uint32_t)(a < 0 ? -a - 1 : a)) - 1;
    }
    int32_t inverse = nn_one_over_one_plus((int32_t)(((uint32_t)b << zeros) - 0x80000000u));
    int32_t scaled = nn_srdhm(nn_srdhm(nn_shift_left(a, headroom), inverse), p->out_multiplier);
    int32_t right = 31 - zeros + headroom - p->out_shift;
    if (right > 31) {
        return a < 0 ? -1 : 1;
    }
    return nn_rounding_divide_by_pot(scaled, right);
}

static int8_t nn_div_s8_of(const nn_binary_scaled_params *p, int8_t a, int8_t b)
{
    int32_t code = quotient(p, a - p->zero_point1, b - p->zero_point2) + p->out_zero_point;
    return (int8_t)nn_clamp(code, p->act_min, p->act_max);
}

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

NN_BINARY(nn_div_s8, nn_binary_scaled_params, int8_t, int8_t)
NN_BINARY(nn_div_s32, nn_binary_s32_params, int32_t, int32_t)
NN_BINARY(nn_div_f32, nn_binary_f32_params, float, float)
NN_BINARY(nn_floor_div_f32, nn_binary_params, float, float)
NN_BINARY(nn_floor_mod_f32, nn_binary_params, float, float)
