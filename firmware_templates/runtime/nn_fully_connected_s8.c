#include "nn_fully_connected.h"

#include "nn_dot.h"
#include "nn_fixedpoint.h"

void nn_fully_connected_s8(const nn_fully_connected_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        int32_t count;
        for (int32_t oc = 0; oc < p->out_c; oc += count) {
            const int8_t *w = p->weights + oc * p->in_c;
            int32_t sum[4] = {0, 0, 0, 0};
            count = p->out_c - oc >= 4 ? 4 : 1;
            if (count == 4) {
                nn_dot4(in, w, p->in_c, p->in_c, p->in_zero_point, sum);
            } else {
                sum[0] = nn_dot(in, w, p->in_c, p->in_zero_point);
            }
            for (int32_t k = 0; k < count; k++) {
                int32_t acc = sum[k] + p->bias[oc + k];
                acc = nn_requantize(acc, p->multiplier[oc + k], p->shift[oc + k]);
                acc += p->out_zero_point;
                *out++ = (int8_t)nn_clamp(acc, p->act_min, p->act_max);
            }
        }
        in += p->in_c;
    }
}
