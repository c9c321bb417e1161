#include "nn_elementwise_s16.h"

#include "nn_fixedpoint.h"

static int16_t mul_one(const nn_mul_params *p, int32_t a, int32_t b)
{
    int32_t product = nn_requantize(a * b, p->out_multiplier, p->out_shift);
    return (int16_t)nn_clamp(product, p->act_min, p->act_max);
}

void nn_mul_s16(const nn_mul_params *p, const int16_t *in1, const int16_t *in2, int16_t *out)
{
    const int32_t *d = p->dims, *s1 = p->stride1, *s2 = p->stride2;
    for (int32_t i = 0; i < d[0]; i++) {
        for (int32_t j = 0; j < d[1]; j++) {
            for (int32_t k = 0; k < d[2]; k++) {
                const int16_t *a = in1 + i * s1[0] + j * s1[1] + k * s1[2];
                const int16_t *b = in2 + i * s2[0] + j * s2[1] + k * s2[2];
                for (int32_t l = 0; l < d[3]; l++) {
                    *out++ = mul_one(p, a[l * s1[3]], b[l * s2[3]]);
                }
            }
        }
    }
}
