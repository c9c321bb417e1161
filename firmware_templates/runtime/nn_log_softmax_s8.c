#include "nn_log_softmax.h"
#include "nn_softmax_fixedpoint.h"

/*
 * log of a Q12.19 number >= 1 in Q5.26. It is 2^e * r with r next to 2^(-1/4), log(r) by a rational
 * function. Constants: TFLite common.h, log_x_for_x_greater_than_or_equal_to_1.
 */
static int32_t log_of(int32_t a)
{
    const int32_t sqrt_half = 1518500250, fourth_root_half = 1805811301; /* in Q0.31 */
    const int32_t quarter = 1 << 23; /* in Q6.25, as exponents */
    int32_t zeros = nn_leading_zeros((uint32_t)a);
    int32_t zeros_below = nn_leading_zeros((uint32_t)nn_srdhm(a, sqrt_half)) - 1;
    int32_t above = nn_srdhm(nn_shift_left(a, zeros - 1), sqrt_half);
    int32_t r = nn_saturating_shift_left(above, 1);
    int32_t below = nn_saturating_shift_left(a, zeros_below);
    int32_t e = (NN_SOFTMAX_SUM_BITS - zeros) * (1 << 25) + quarter;
    int32_t e_below = (NN_SOFTMAX_SUM_BITS - zeros_below) * (1 << 25) - quarter;
    r = below < r ? below : r;
    e = e_below > e ? e_below : e;
    int32_t half_sum = (int32_t)(((int64_t)r + fourth_root_half + 1) >> 1);
    int32_t q = 2 * (r - fourth_root_half);
    int32_t square = nn_srdhm(q, q);
    int32_t numerator = nn_srdhm(q, r) + nn_srdhm(nn_srdhm(q, square), 117049297);
    int32_t rest = nn_srdhm(half_sum, 1057819769 + q + nn_srdhm(square, 127690142));
    rest += nn_srdhm(q, 638450708);
    numerator = nn_rounding_divide_by_pot(numerator, 6);
    int32_t sum = nn_srdhm(e, 1488522236) + nn_srdhm(numerator, nn_one_over_one_plus(rest));
    return nn_saturating_shift_left(sum, 1);
}

static void row_of(const nn_log_softmax_params *p, const int8_t *in, int8_t *out)
{
    int32_t highest = INT8_MIN, sum = 0;
    for (int32_t c = 0; c < p->columns; c++) {
        highest = in[c] > highest ? in[c] : highest;
    }
    for (int32_t c = 0; c < p->columns; c++) {
        int32_t below = highest - in[c];
        sum += below < p->length ? p->addends[below] : 0;
    }
    int32_t log_sum = log_of(sum);
    int32_t lowest = nn_requantize(log_sum + INT32_MIN, p->reverse_multiplier, p->reverse_shift);
    lowest = lowest > p->diff_min - 1 ? lowest : p->diff_min - 1;
    for (int32_t c = 0; c < p->columns; c++) {
        int32_t diff = in[c] - highest, code = INT8_MIN;
        if (diff > lowest) {
            int32_t scaled = nn_srdhm(nn_shift_left(diff, p->left_shift), p->multiplier);
            code = nn_rounding_divide_by_pot(scaled - log_sum, 22) + INT8_MAX;
        }
        out[c] = (int8_t)nn_clamp(code, INT8_MIN, INT8_MAX);
    }
}

void nn_log_softmax_s8(const nn_log_softmax_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        row_of(p, in + row * p->columns, out + row * p->columns);
    }
}
