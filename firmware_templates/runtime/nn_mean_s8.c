#include "nn_mean.h"

#include "nn_fixedpoint.h"

void nn_mean_s8(const nn_mean_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t o = 0; o < p->outer; o++) {
        for (int32_t i = 0; i < p->inner; i++) {
            int32_t sum = 0;
            for (int32_t k = 0; k < p->count; k++) {
                sum += in[k * p->inner + i] - p->in_zero_point;
            }
            int32_t mean = nn_requantize(sum, p->multiplier, p->shift) + p->out_zero_point;
            *out++ = (int8_t)nn_clamp(mean, INT8_MIN, INT8_MAX);
        }
        in += p->count * p->inner;
    }
}
