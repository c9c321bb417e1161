#include "nn_select.h"

#define SELECT(name, type)                                                                         \
    void name(const nn_select_params *p, const uint8_t *condition, const type *in1,                \
              const type *in2, type *out)                                                          \
    {                                                                                              \
        const int32_t *d = p->dims;                                                                \
        int32_t turn[5] = {0};                                                                     \
        int32_t loop;                                                                              \
        do {                                                                                       \
            const uint8_t *c = condition;                                                          \
            const type *a = in1, *b = in2;                                                         \
            for (loop = 0; loop < 5; loop++) {                                                     \
                c += turn[loop] * p->stride1[loop];                                                \
                a += turn[loop] * p->stride2[loop];                                                \
                b += turn[loop] * p->stride3[loop];                                                \
            }                                                                                      \
            for (int32_t i = 0; i < d[5]; i++) {                                                   \
                *out++ = c[i * p->stride1[5]] ? a[i * p->stride2[5]] : b[i * p->stride3[5]];       \
            }                                                                                      \
            for (loop = 4; loop >= 0 && ++turn[loop] == d[loop]; loop--) {                         \
                turn[loop] = 0;                                                                    \
            }                                                                                      \
        } while (loop >= 0);                                                                       \
    }

SELECT(nn_select_s8, int8_t)
SELECT(nn_select_s16, int16_t)
SELECT(nn_select_s32, int32_t)
SELECT(nn_select_f32, float)
SELECT(nn_select_b, uint8_t)
