#include "nn_mean.h"

#include "nn_fixedpoint.h"
#include "nn_sum.h"

static int8_t mean_of(const nn_mean_params *p, int32_t sum)
{
    sum -= p->count * p->in_zero_point;
    int32_t mean = nn_requantize(sum, p->multiplier, p->shift) + p->out_zero_point;
    return (int8_t)nn_clamp(mean, INT8_MIN, INT8_MAX);
}

void nn_mean_s8(const nn_mean_params *p, const int8_t *in, int8_t *out)
{
    int32_t inner = p->inner;
    for (int32_t o = 0; o < p->outer; o++, in += p->count * inner, out += inner) {
        int32_t i = 0;
        for (; i + 4 <= inner; i += 4) {
            int32_t sums[4] = {0, 0, 0, 0};
            nn_sum4(in + i, inner, p->count, sums);
            for (int32_t k = 0; k < 4; k++) {
                out[i + k] = mean_of(p, sums[k]);
            }
        }
        for (; i < inner; i++) {
            out[i] = mean_of(p, nn_sum1(in + i, inner, p->count));
        }
    }
}
