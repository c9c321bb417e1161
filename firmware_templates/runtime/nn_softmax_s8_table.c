#include "nn_softmax.h"

#include "nn_softmax_fixedpoint.h"

static int32_t exp_of(const nn_softmax_table_params *p, int32_t below)
{
    return below < p->length ? p->exps[below] : 0;
}

static void softmax_row(const nn_softmax_table_params *p, const int8_t *in, int8_t *out)
{
    int32_t highest = INT8_MIN, sum = 0;
    for (int32_t c = 0; c < p->columns; c++) {
        highest = in[c] > highest ? in[c] : highest;
    }
    for (int32_t c = 0; c < p->columns; c++) {
        sum += nn_softmax_addend(exp_of(p, highest - in[c]));
    }
    nn_softmax_scale scale = nn_softmax_scale_of(sum);
    for (int32_t c = 0; c < p->columns; c++) {
        out[c] = nn_softmax_code(scale, exp_of(p, highest - in[c]));
    }
}

void nn_softmax_s8_table(const nn_softmax_table_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        softmax_row(p, in + row * p->columns, out + row * p->columns);
    }
}
