#include "nn_elementwise.h"
#include "nn_fixedpoint.h"

static int8_t mul_one(const nn_mul_params *p, int32_t a, int32_t b)
{
    int32_t product = (a - p->zero_point1) * (b - p->zero_point2);
    int32_t scaled = nn_requantize(product, p->out_multiplier, p->out_shift) + p->out_zero_point;
    return (int8_t)nn_clamp(scaled, p->act_min, p->act_max);
}

void nn_mul_s8(const nn_mul_params *p, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    const int32_t *d = p->dims, *s1 = p->stride1, *s2 = p->stride2;
    for (int32_t i = 0; i < d[0]; i++) {
        for (int32_t j = 0; j < d[1]; j++) {
            for (int32_t k = 0; k < d[2]; k++) {
                const int8_t *a = in1 + i * s1[0] + j * s1[1] + k * s1[2];
                const int8_t *b = in2 + i * s2[0] + j * s2[1] + k * s2[2];
                for (int32_t l = 0; l < d[3]; l++) {
                    *out++ = mul_one(p, a[l * s1[3]], b[l * s2[3]]);
                }
            }
        }
    }
}
