#include "nn_mean.h"

#include "nn_fixedpoint.h"
#include "nn_pool_mve.h"

void nn_mean_s8_mve(const nn_mean_params *p, const int8_t *in, int8_t *out)
{
    int32_t inner = p->inner, offset = p->count * p->in_zero_point;
    for (int32_t o = 0; o < p->outer; o++, in += p->count * inner, out += inner) {
        for (int32_t i = 0; i < inner; i += NN_SUM_MVE_CHANNELS) {
            int32_t sums[NN_SUM_MVE_CHANNELS] = {0, 0, 0, 0, 0, 0, 0, 0};
            int32_t left = inner - i;
            int32_t some = left < NN_SUM_MVE_CHANNELS ? left : NN_SUM_MVE_CHANNELS;
            nn_sum_mve(in + i, inner, p->count, some, sums);
            for (int32_t c = 0; c < some; c++) {
                int32_t sum = sums[c % 2 * 4 + c / 2] - offset;
                int32_t mean = nn_requantize(sum, p->multiplier, p->shift) + p->out_zero_point;
                out[i + c] = (int8_t)nn_clamp(mean, INT8_MIN, INT8_MAX);
            }
        }
    }
}
