#include "nn_dot.h"
#include "nn_svdf_sums.h"

/* Four filters share each input, single ones follow. */
#define SVDF(name, type, low, high)                                                                \
    static int32_t name##_over_time(const nn_svdf_params *p, const int16_t *w, type *row,          \
                                    int32_t code)                                                  \
    {                                                                                              \
        uint32_t sum = 0;                                                                          \
        for (int32_t j = 0; j + 1 < p->memory; j++) {                                              \
            row[j] = row[j + 1];                                                                   \
            sum += (uint32_t)((row[j] - p->state_zero_point) * w[j]);                              \
        }                                                                                          \
        row[p->memory - 1] = (type)code;                                                           \
        return (int32_t)(sum + (uint32_t)((code - p->state_zero_point) * w[p->memory - 1]));       \
    }                                                                                              \
                                                                                                   \
    void name(const nn_svdf_params *p, const int8_t *in, type *state, int8_t *out)                 \
    {                                                                                              \
        for (int32_t b = 0; b < p->batches; b++, in += p->in_c) {                                  \
            nn_svdf_sums sums = {.out = out + b * (p->filters / p->rank)};                         \
            int32_t count;                                                                         \
            for (int32_t f = 0; f < p->filters; f += count) {                                      \
                const int8_t *w = p->feature_weights + f * p->in_c;                                \
                int32_t s[4] = {0, 0, 0, 0};                                                       \
                count = p->filters - f >= 4 ? 4 : 1;                                               \
                if (count == 4) {                                                                  \
                    nn_dot4(in, w, p->in_c, p->in_c, 0, s);                                        \
                } else {                                                                           \
                    s[0] = nn_dot(in, w, p->in_c, 0);                                              \
                }                                                                                  \
                for (int32_t k = 0; k < count; k++, state += p->memory) {                          \
                    int32_t code = nn_svdf_code(p, s[k] + p->feature_bias[f + k], low, high);      \
                    nn_svdf_add(                                                                   \
                        p, &sums,                                                                  \
                        name##_over_time(p, p->time_weights + (f + k) * p->memory, state, code));  \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

SVDF(nn_svdf_s8, int16_t, INT16_MIN, INT16_MAX)
SVDF(nn_svdf_s8_narrow, int8_t, INT8_MIN, INT8_MAX)
