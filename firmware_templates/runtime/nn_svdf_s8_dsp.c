#include "nn_dot_fours.h"
#include "nn_svdf_sums.h"

static inline uint32_t load2(const int16_t *p)
{
    uint32_t word;
    memcpy(&word, p, 4);
    return word;
}

/* Moves a row on by one, and sums it up. */
static int32_t over_time(const int16_t *w, int16_t *row, int32_t memory, int32_t code)
{
    uint32_t sum = 0;
    int32_t j = 0;
    for (; j + 2 < memory; j += 2) {
        uint32_t pair = load2(row + j + 1);
        memcpy(row + j, &pair, 4);
        sum = nn_smlad(pair, load2(w + j), sum);
    }
    if (j + 1 < memory) {
        row[j] = row[j + 1];
        sum += (uint32_t)(row[j] * w[j]);
        j++;
    }
    row[j] = (int16_t)code;
    return (int32_t)(sum + (uint32_t)(code * w[j]));
}

void nn_svdf_s8_dsp(const nn_svdf_params *p, const int8_t *in, int16_t *state, int8_t *out)
{
    const int32_t group_bytes = (p->in_c + 3) / 4 * 16;
    for (int32_t b = 0; b < p->batches; b++, in += p->in_c) {
        nn_svdf_sums sums = {.out = out + b * (p->filters / p->rank)};
        const int8_t *features = p->feature_weights;
        const int16_t *w = p->time_weights;
        for (int32_t f = 0; f < p->filters; f += 4, features += group_bytes) {
            int32_t s[4], count = p->filters - f < 4 ? p->filters - f : 4;
            nn_dot_fours(in, p->in_c, features, p->feature_bias + f, s);
            for (int32_t k = 0; k < count; k++, state += p->memory, w += p->memory) {
                int32_t code = nn_svdf_code(p, s[k], INT16_MIN, INT16_MAX);
                nn_svdf_add(p, &sums, over_time(w, state, p->memory, code));
            }
        }
    }
}
