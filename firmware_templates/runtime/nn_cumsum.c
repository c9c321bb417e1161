#include "nn_cumsum.h"

#include "nn_fixedpoint.h"
#include "nn_float.h"

static int8_t code_of(const nn_cumsum_s8_params *p, uint32_t sum)
{
    int32_t fixed = nn_shift_left((int32_t)sum, NN_CUMSUM_PLACES);
    int32_t code = nn_requantize(fixed, p->multiplier, p->shift) + p->out_zero_point;
    return (int8_t)nn_clamp(code, INT8_MIN, INT8_MAX);
}

static void line_s8(const nn_cumsum_s8_params *p, const int8_t *in, int8_t *out, int32_t step)
{
    uint32_t sum = (uint32_t)-p->in_zero_point;
    for (int32_t k = p->count; k > 0; k--, in += step, out += step) {
        uint32_t after = sum + (uint32_t)(*in - p->in_zero_point);
        *out = code_of(p, p->exclusive ? sum : after);
        sum = after;
    }
}

static void line_f32(const nn_cumsum_params *p, const float *in, float *out, int32_t step)
{
    float sum = 0.0f;
    for (int32_t k = p->count; k > 0; k--, in += step, out += step) {
        float after = sum + *in;
        *out = p->exclusive ? sum : after;
        sum = after;
    }
}

/* The kernel `name` by `line`, which begins at the first or at the last element. */
#define CUMSUM(name, params, type, line)                                                           \
    void name(const params *p, const type *in, type *out)                                          \
    {                                                                                              \
        int32_t step = p->reverse ? -p->inner : p->inner;                                          \
        int32_t first = p->reverse ? (p->count - 1) * p->inner : 0;                                \
        for (int32_t o = 0; o < p->outer; o++, first += p->count * p->inner) {                     \
            for (int32_t i = 0; i < p->inner; i++) {                                               \
                line(p, in + first + i, out + first + i, step);                                    \
            }                                                                                      \
        }                                                                                          \
    }

CUMSUM(nn_cumsum_s8, nn_cumsum_s8_params, int8_t, line_s8)
CUMSUM(nn_cumsum_f32, nn_cumsum_params, float, line_f32)
