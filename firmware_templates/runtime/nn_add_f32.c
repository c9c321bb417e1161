#include "nn_elementwise_f32.h"
#include "nn_float.h"

void nn_add_f32(const nn_elementwise_f32_params *p, const float *in1, const float *in2, float *out)
{
    const int32_t *d = p->dims, *s1 = p->stride1, *s2 = p->stride2;
    for (int32_t i = 0; i < d[0]; i++) {
        for (int32_t j = 0; j < d[1]; j++) {
            for (int32_t k = 0; k < d[2]; k++) {
                const float *a = in1 + i * s1[0] + j * s1[1] + k * s1[2];
                const float *b = in2 + i * s2[0] + j * s2[1] + k * s2[2];
                for (int32_t l = p->count; l > 0; l--, a += p->step1, b += p->step2) {
                    *out++ = nn_clamp_f32(*a + *b, p->act_min, p->act_max);
                }
            }
        }
    }
}
