#include "nn_fully_connected.h"

#include "nn_fixedpoint.h"

void nn_fully_connected_s8(const nn_fully_connected_params *p, const int8_t *in, int8_t *out)
{
    int32_t zero_point = p->in_zero_point;
    for (int32_t row = 0; row < p->rows; row++) {
        const int8_t *w = p->weights;
        for (int32_t oc = 0; oc < p->out_c; oc++) {
            int32_t acc = p->bias[oc];
            for (int32_t i = 0; i < p->in_c; i++) {
                acc += (in[i] - zero_point) * w[i];
            }
            acc = nn_requantize(acc, p->multiplier[oc], p->shift[oc]) + p->out_zero_point;
            *out++ = (int8_t)nn_clamp(acc, p->act_min, p->act_max);
            w += p->in_c;
        }
        in += p->in_c;
    }
}
