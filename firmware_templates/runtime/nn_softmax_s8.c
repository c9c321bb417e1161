#include "nn_softmax.h"

#include "nn_softmax_fixedpoint.h"

/* Formats and constants: gemmlowp fixedpoint.h, exp_on_negative_values. */
#define QUARTER (1 << 24) /* in Q5.26 */

/* exp of a scaled difference in Q0.31, 0 where the difference is below diff_min. */
static int32_t exp_of(const nn_softmax_params *p, int32_t diff)
{
    static const int32_t barrel[7] = {1672461947, 1302514674, 790015084, 290630308,
                                      39332535,   720401,     242};
    if (diff < p->diff_min) {
        return 0;
    }
    int32_t a = nn_srdhm(nn_shift_left(diff, p->left_shift), p->multiplier); /* Q5.26, <= 0 */
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

static void softmax_row(const nn_softmax_params *p, const int8_t *in, int8_t *out)
{
    int32_t highest = INT8_MIN, sum = 0;
    for (int32_t c = 0; c < p->columns; c++) {
        highest = in[c] > highest ? in[c] : highest;
    }
    for (int32_t c = 0; c < p->columns; c++) {
        sum += nn_softmax_addend(exp_of(p, in[c] - highest));
    }
    nn_softmax_scale scale = nn_softmax_scale_of(sum);
    for (int32_t c = 0; c < p->columns; c++) {
        out[c] = nn_softmax_code(scale, exp_of(p, in[c] - highest));
    }
}

void nn_softmax_s8(const nn_softmax_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, in + row * p->columns, out + row * p->columns);
    }
}
