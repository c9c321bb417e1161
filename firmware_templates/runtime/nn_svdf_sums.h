/* What becomes of an SVDF's sums over features and over time. */
#ifndef NN_SVDF_SUMS_H
#define NN_SVDF_SUMS_H

#include "nn_fixedpoint.h"
#include "nn_svdf.h"

/* The code of a state for a filter's sum over the input. */
static inline int32_t nn_svdf_code(const nn_svdf_params *p, int32_t sum, int32_t low, int32_t high)
{
    int32_t scaled = nn_requantize(sum, p->state_multiplier, p->state_shift);
    return nn_clamp(scaled + p->state_zero_point, low, high);
}

/* The output that is being summed up, and of how many filters already. */
typedef struct {
    int8_t *out;
    int32_t unit, filters;
    uint32_t total;
} nn_svdf_sums;

/* Adds the sum over time of the next filter. */
static inline void nn_svdf_add(const nn_svdf_params *p, nn_svdf_sums *s, int32_t sum)
{
    s->total += (uint32_t)sum;
    if (++s->filters == p->rank) {
        int32_t total = (int32_t)(s->total + (uint32_t)p->bias[s->unit]);
        int32_t code = nn_requantize(total, p->out_multiplier, p->out_shift) + p->out_zero_point;
        s->out[s->unit++] = (int8_t)nn_clamp(code, INT8_MIN, INT8_MAX);
        s->filters = 0;
        s->total = 0;
    }
}

#endif
