#include "nn_softmax.h"
#include "nn_softmax_fixedpoint.h"

static int32_t exp_of(const nn_softmax_table_params *p, int32_t below)
{
    return below < p->length ? p->exps[below] : 0;
}

void nn_softmax_s8_s16(const nn_softmax_table_params *p, const int8_t *in, int16_t *out)
{
    for (int32_t row = 0; row < p->rows; row++, in += p->columns, out += p->columns) {
        int32_t highest = INT8_MIN, sum = 0;
        for (int32_t c = 0; c < p->columns; c++) {
            highest = in[c] > highest ? in[c] : highest;
        }
        for (int32_t c = 0; c < p->columns; c++) {
            sum += nn_softmax_addend(exp_of(p, highest - in[c]));
        }
        nn_softmax_scale scale = nn_softmax_scale_of(sum);
        for (int32_t c = 0; c < p->columns; c++) {
            int32_t product = nn_srdhm(scale.factor, exp_of(p, highest - in[c]));
            int32_t above = nn_rounding_divide_by_pot(product, scale.shift - 8);
            out[c] = (int16_t)nn_clamp(above + INT16_MIN, INT16_MIN, INT16_MAX);
        }
    }
}
