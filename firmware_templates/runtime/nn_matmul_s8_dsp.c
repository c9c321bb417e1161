#include "nn_dsp.h"
#include "nn_fixedpoint.h"
#include "nn_matmul.h"

/* Four columns of b less its zero point, zeros behind the last: for each four k the words of the
 * columns in turn, of k and k + 2, then of k + 1 and k + 3, which is how SXTB16 widens a word. */
static void pack(const nn_matmul_params *p, const int8_t *b, int32_t count, int16_t *packed,
                 int32_t totals[4])
{
    static const uint8_t place[4] = {0, 8, 1, 9};
    const nn_matmul_shape *s = &p->shape;
    int32_t depth = (s->depth + 3) & ~3;
    for (int32_t c = 0; c < 4; c++) {
        int32_t total = 0;
        for (int32_t k = 0; k < depth; k++) {
            int32_t value = 0;
            if (c < count && k < s->depth) {
                value = b[c * s->b_column + k * s->b_depth] - p->b_zero_point;
            }
            packed[k / 4 * 16 + place[k % 4] + 2 * c] = (int16_t)value;
            total += value;
        }
        totals[c] = total;
    }
}

/* Four k of a row with all columns. */
static inline const uint32_t *add4(uint32_t word, const uint32_t *b, uint32_t sums[4])
{
    uint32_t even = nn_sxtb16(word), odd = nn_sxtb16_high(word);
    sums[0] = nn_smlad(odd, b[4], nn_smlad(even, b[0], sums[0]));
    sums[1] = nn_smlad(odd, b[5], nn_smlad(even, b[1], sums[1]));
    sums[2] = nn_smlad(odd, b[6], nn_smlad(even, b[2], sums[2]));
    sums[3] = nn_smlad(odd, b[7], nn_smlad(even, b[3], sums[3]));
    return b + 8;
}

static void add_row(const int8_t *a, const uint32_t *b, int32_t depth, uint32_t total[4])
{
    uint32_t sums[4] = {0, 0, 0, 0};
    for (; depth >= 4; depth -= 4, a += 4) {
        b = add4(nn_load4(a), b, sums);
    }
    if (depth > 0) {
        int8_t rest[4] = {0};
        memcpy(rest, a, (size_t)depth);
        add4(nn_load4(rest), b, sums);
    }
    for (int32_t c = 0; c < 4; c++) {
        total[c] = sums[c];
    }
}

static void multiply(const nn_matmul_params *p, const int8_t *a, const int8_t *b, int8_t *out,
                     int8_t *scratch)
{
    const nn_matmul_shape *s = &p->shape;
    for (int32_t c = 0; c < s->columns; c += 4) {
        int32_t count = s->columns - c < 4 ? s->columns - c : 4, totals[4];
        pack(p, b + c * s->b_column, count, (int16_t *)(void *)scratch, totals);
        for (int32_t r = 0; r < s->rows; r++) {
            uint32_t sums[4];
            add_row(a + r * s->a_row, (const uint32_t *)(const void *)scratch, s->depth, sums);
            for (int32_t k = 0; k < count; k++) {
                int32_t acc = (int32_t)(sums[k] - (uint32_t)(p->a_zero_point * totals[k]));
                int32_t i = (c + k) * p->column;
                acc += p->bias ? p->bias[c + k] : 0;
                acc = nn_requantize(acc, p->multiplier[i], p->shift[i]) + p->out_zero_point;
                out[r * s->columns + c + k] = (int8_t)nn_clamp(acc, p->act_min, p->act_max);
            }
        }
    }
}

void nn_matmul_s8_dsp(const nn_matmul_params *p, const int8_t *a, const int8_t *b, int8_t *out,
                      int8_t *scratch)
{
    NN_EACH_MATRIX(&p->shape, int8_t, a, b, multiply(p, a_matrix, b_matrix, out, scratch);
                   out += p->shape.rows * p->shape.columns;)
}
