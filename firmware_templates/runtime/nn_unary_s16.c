#include "nn_unary_s16.h"

#include "nn_fixedpoint.h"
#include "nn_sigmoid16.h"

#define RSQRT_DIGITS 20 /* behind the point, of 1 / sqrt(code) */

static int16_t saturated(int32_t code)
{
    return (int16_t)nn_clamp(code, INT16_MIN, INT16_MAX);
}

void nn_abs_s16(const nn_abs_s16_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        int32_t size = in[i] < 0 ? -in[i] : in[i];
        out[i] = saturated(nn_requantize(size, p->multiplier, p->shift));
    }
}

void nn_leaky_relu_s16(const nn_leaky_relu_s16_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        int32_t multiplier = in[i] < 0 ? p->falling : p->rising;
        int32_t shift = in[i] < 0 ? p->falling_shift : p->rising_shift;
        out[i] = saturated(nn_requantize(in[i], multiplier, shift));
    }
}

static int32_t argument_of(const nn_table_s16_params *p, int32_t code)
{
    return (code * p->multiplier + (int32_t)((1u << p->shift) >> 1)) >> p->shift;
}

void nn_logistic_s16(const nn_table_s16_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        out[i] = (int16_t)nn_logistic16(argument_of(p, in[i]));
    }
}

void nn_tanh_s16(const nn_table_s16_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        out[i] = (int16_t)nn_tanh16(argument_of(p, in[i]));
    }
}

/* 1 / sqrt(value) for 1 < value < 2^16, as a multiplier and a shift (to the left, at most 0), by
 * Newton's method with three integer bits. The twin of inverse_sqrt of toolchain/fixedpoint.py. */
static int32_t inverse_sqrt(int32_t value, int32_t *shift)
{
    int32_t pairs = 0;
    while (pairs < 15 && value < 1 << 27) {
        value = nn_shift_left(value, 2);
        pairs++;
    }
    int32_t x = 1 << 28, half = nn_rounding_divide_by_pot(value >> 1, 1);
    for (int32_t i = 0; i < 5; i++) {
        int32_t cube = nn_shift_left(nn_srdhm(nn_srdhm(x, x), x), 6);
        x = nn_shift_left(nn_srdhm((1 << 28) + (1 << 27), x) - nn_srdhm(half, cube), 3);
    }
    int32_t multiplier = nn_srdhm(x, 1518500250); /* times sqrt(2) / 2 */
    *shift = pairs > 11 ? 0 : pairs - 11;
    return pairs > 11 ? nn_shift_left(multiplier, pairs - 11) : multiplier;
}

void nn_rsqrt_s16(const nn_rsqrt_s16_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        if (in[i] <= 0) {
            out[i] = INT16_MAX;
            continue;
        }
        int32_t shift = 0;
        int32_t multiplier = in[i] == 1 ? INT32_MAX : inverse_sqrt(in[i], &shift);
        int32_t fine = nn_requantize(1, multiplier, shift + RSQRT_DIGITS);
        out[i] = saturated(nn_requantize(fine, p->multiplier, p->shift - RSQRT_DIGITS));
    }
}
