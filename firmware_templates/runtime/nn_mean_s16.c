#include "nn_mean_s16.h"

#include "nn_fixedpoint.h"

void nn_mean_s16(const nn_mean_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t o = 0; o < p->outer; o++, in += p->count * p->inner) {
        for (int32_t i = 0; i < p->inner; i++) {
            int32_t sum = 0;
            for (int32_t k = 0; k < p->count; k++) {
                sum += in[k * p->inner + i];
            }
            int32_t mean = nn_requantize(sum, p->multiplier, p->shift);
            *out++ = (int16_t)nn_clamp(mean, INT16_MIN, INT16_MAX);
        }
    }
}
