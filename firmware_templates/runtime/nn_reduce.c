#include "nn_reduce.h"

#include <float.h>

#include "nn_fixedpoint.h"
#include "nn_float.h"

/* The kernel `name`: each output is `end`(p, `start` combined in order with `step`(total, x)). */
#define REDUCE(name, params, type, total_type, start, step, end)                                   \
    static total_type name##_of(const params *p, const type *in)                                   \
    {                                                                                              \
        const int32_t *n = p->reduced, *s = p->reduced_step;                                       \
        total_type total = start;                                                                  \
        for (int32_t i = 0; i < n[0]; i++) {                                                       \
            for (int32_t j = 0; j < n[1]; j++) {                                                   \
                const type *x = in + i * s[0] + j * s[1];                                          \
                for (int32_t k = n[2]; k > 0; k--, x += s[2]) {                                    \
                    total = step(total, *x);                                                       \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        return total;                                                                              \
    }                                                                                              \
                                                                                                   \
    void name(const params *p, const type *in, type *out)                                          \
    {                                                                                              \
        const int32_t *n = p->kept, *s = p->kept_step;                                             \
        for (int32_t i = 0; i < n[0]; i++) {                                                       \
            for (int32_t j = 0; j < n[1]; j++) {                                                   \
                for (int32_t k = 0; k < n[2]; k++) {                                               \
                    total_type total = name##_of(p, in + i * s[0] + j * s[1] + k * s[2]);          \
                    *out++ = (type)end(p, total);                                                  \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

#define ADDED(total, x)   ((total) + (x))
#define HIGHER(total, x)  ((x) > (total) ? (x) : (total))
#define LOWER(total, x)   ((x) < (total) ? (x) : (total))
#define BOTH(total, x)    ((uint8_t)((total) & (x)))
#define AS_IT_IS(p, x)    (x)
#define DIVIDED(p, total) ((total) / (p)->count)

static int32_t rescaled(const nn_reduce_scaled_params *p, int32_t sum)
{
    return nn_requantize(sum - p->offset, p->multiplier, p->shift) + p->out_zero_point;
}

#define CODE_S8(p, sum)  nn_clamp(rescaled(p, sum), INT8_MIN, INT8_MAX)
#define CODE_S16(p, sum) nn_clamp(rescaled(p, sum), INT16_MIN, INT16_MAX)

REDUCE(nn_reduce_sum_s8, nn_reduce_scaled_params, int8_t, int32_t, 0, ADDED, CODE_S8)
REDUCE(nn_reduce_sum_s16, nn_reduce_scaled_params, int16_t, int32_t, 0, ADDED, CODE_S16)
REDUCE(nn_reduce_sum_f32, nn_reduce_f32_params, float, float, 0.0f, ADDED, DIVIDED)
REDUCE(nn_reduce_max_s8, nn_reduce_params, int8_t, int8_t, INT8_MIN, HIGHER, AS_IT_IS)
REDUCE(nn_reduce_max_f32, nn_reduce_params, float, float, -FLT_MAX, HIGHER, AS_IT_IS)
REDUCE(nn_reduce_min_s8, nn_reduce_params, int8_t, int8_t, INT8_MAX, LOWER, AS_IT_IS)
REDUCE(nn_reduce_min_f32, nn_reduce_params, float, float, FLT_MAX, LOWER, AS_IT_IS)
REDUCE(nn_reduce_all_b, nn_reduce_params, uint8_t, uint8_t, 1, BOTH, AS_IT_IS)
