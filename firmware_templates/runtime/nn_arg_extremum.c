#include "nn_arg_extremum.h"

/* The kernel `name`, where an element is better when it is `above` the best one before. */
#define ARG_EXTREMUM(name, type, above)                                                            \
    void name(const nn_arg_extremum_params *p, const type *in, int32_t *out)                       \
    {                                                                                              \
        for (int32_t o = 0; o < p->outer; o++, in += p->count * p->inner) {                        \
            for (int32_t i = 0; i < p->inner; i++) {                                               \
                const type *x = in + i;                                                            \
                type best = *x;                                                                    \
                int32_t place = 0;                                                                 \
                for (int32_t k = 1; k < p->count; k++) {                                           \
                    x += p->inner;                                                                 \
                    if (*x above best) {                                                           \
                        best = *x;                                                                 \
                        place = k;                                                                 \
                    }                                                                              \
                }                                                                                  \
                *out++ = place;                                                                    \
            }                                                                                      \
        }                                                                                          \
    }

ARG_EXTREMUM(nn_arg_max_s8, int8_t, >)
ARG_EXTREMUM(nn_arg_max_f32, float, >)
ARG_EXTREMUM(nn_arg_min_s8, int8_t, <)
ARG_EXTREMUM(nn_arg_min_f32, float, <)
