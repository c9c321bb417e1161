#include "nn_softmax.h"

#include "nn_fixedpoint.h"

/* Fixed-point formats and constants: gemmlowp fixedpoint.h, exp_on_negative_values and
 * one_over_one_plus_x_for_x_in_0_1. */
#define SUM_INTEGER_BITS 12
#define QUARTER          (1 << 24) /* in Q5.26 */

/* Shift left by n, saturating. */
static int32_t saturating_shift_left(int32_t x, int32_t n)
{
    int32_t limit = (int32_t)(((uint32_t)1 << (31 - n)) - 1u);
    return x > limit ? INT32_MAX : x < -limit ? INT32_MIN : nn_shift_left(x, n);
}

/* exp(a) in Q0.31 for a <= 0 in Q5.26. */
static int32_t exp_on_negative_values(int32_t a)
{
    static const int32_t barrel[7] = {1672461947, 1302514674, 790015084, 290630308,
                                      39332535,   720401,     242};
    if (a == 0) {
        return INT32_MAX;
    }
    int32_t reduced = (a & (QUARTER - 1)) - QUARTER;
    int32_t x = nn_shift_left(reduced, 5) + (1 << 28);
    int32_t x2 = nn_srdhm(x, x);
    int32_t x3 = nn_srdhm(x2, x);
    int32_t x4 = nn_srdhm(x2, x2);
    int32_t tail = nn_srdhm(nn_rounding_divide_by_pot(x4, 2) + x3, 715827883) + x2;
    tail = nn_rounding_divide_by_pot(tail, 1);
    int32_t result = 1895147668 + nn_srdhm(1895147668, x + tail);
    int32_t remainder = reduced - a;
    for (int32_t k = 0; k < 7; k++) {
        if (remainder & nn_shift_left(QUARTER, k)) {
            result = nn_srdhm(result, barrel[k]);
        }
    }
    return result;
}

static int32_t leading_zeros(uint32_t x)
{
    int32_t n = 0;
    while (!(x & 0x80000000u)) {
        x <<= 1;
        n++;
    }
    return n;
}

/* 1 / (1 + a) in Q0.31 for a in [0, 1) in Q0.31: three Newton steps. */
static int32_t one_over_one_plus(int32_t a)
{
    int32_t half = (int32_t)(((int64_t)a + INT32_MAX + 1) / 2);
    int32_t x = 1515870810 + nn_srdhm(half, -1010580540); /* 48/17 - 32/17 half in Q2.29 */
    for (int32_t i = 0; i < 3; i++) {
        int32_t error = (1 << 29) - nn_srdhm(half, x);
        x += saturating_shift_left(nn_srdhm(x, error), 2);
    }
    return saturating_shift_left(x, 1);
}

static int32_t exp_of(const nn_softmax_params *p, int32_t diff)
{
    return exp_on_negative_values(nn_srdhm(nn_shift_left(diff, p->left_shift), p->multiplier));
}

static void softmax_row(const nn_softmax_params *p, const int8_t *in, int8_t *out)
{
    int32_t highest = INT8_MIN;
    for (int32_t c = 0; c < p->columns; c++) {
        highest = in[c] > highest ? in[c] : highest;
    }
    int32_t sum = 0;
    for (int32_t c = 0; c < p->columns; c++) {
        int32_t diff = in[c] - highest;
        if (diff >= p->diff_min) {
            sum += nn_rounding_divide_by_pot(exp_of(p, diff), SUM_INTEGER_BITS);
        }
    }
    int32_t headroom = leading_zeros((uint32_t)sum);
    int32_t scale = one_over_one_plus((int32_t)(((uint32_t)sum << headroom) - 0x80000000u));
    int32_t shift = SUM_INTEGER_BITS - headroom + 31 - 8; /* above 31: less than half a code */
    for (int32_t c = 0; c < p->columns; c++) {
        int32_t diff = in[c] - highest;
        int32_t code = INT8_MIN;
        if (diff >= p->diff_min && shift <= 31) {
            code += nn_rounding_divide_by_pot(nn_srdhm(scale, exp_of(p, diff)), shift);
        }
        out[c] = (int8_t)nn_clamp(code, INT8_MIN, INT8_MAX);
    }
}

void nn_softmax_s8(const nn_softmax_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, in + row * p->columns, out + row * p->columns);
    }
}
