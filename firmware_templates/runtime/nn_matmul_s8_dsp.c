#include "nn_dsp.h"
#include "nn_matmul.h"

/* A column of b less its zero point, zeros up to a multiple of four: of each four k and k + 2 in
 * one word, k + 1 and k + 3 in the fourth after it, which is how SXTB16 widens a word. Returns the
 * sum. */
static int32_t pack_column(const nn_matmul_params *p, const int8_t *b, int16_t *packed)
{
    int32_t total = 0, left = p->shape.depth, step = p->shape.b_depth, zero_point = p->b_zero_point;
    for (; left >= 4; left -= 4, b += 4 * step, packed += 16) {
        int32_t b0 = b[0] - zero_point, b1 = b[step] - zero_point;
        int32_t b2 = b[2 * step] - zero_point, b3 = b[3 * step] - zero_point;
        packed[0] = (int16_t)b0;
        packed[1] = (int16_t)b2;
        packed[8] = (int16_t)b1;
        packed[9] = (int16_t)b3;
        total += b0 + b1 + b2 + b3;
    }
    if (left > 0) {
        int32_t rest[4] = {0};
        for (int32_t k = 0; k < left; k++) {
            rest[k] = b[k * step] - zero_point;
            total += rest[k];
        }
        packed[0] = (int16_t)rest[0];
        packed[1] = (int16_t)rest[2];
        packed[8] = (int16_t)rest[1];
        packed[9] = (int16_t)rest[3];
    }
    return total;
}

/* Four columns, the last one again where there are fewer, and what their sums begin with. */
static void pack(const nn_matmul_params *p, const int8_t *b, int32_t c, int8_t *scratch,
                 uint32_t start[4])
{
    for (int32_t k = 0; k < 4; k++) {
        int32_t column = c + k < p->shape.columns ? c + k : p->shape.columns - 1;
        int32_t total =
            pack_column(p, b + column * p->shape.b_column, (int16_t *)(void *)scratch + 2 * k);
        int32_t bias = p->bias ? p->bias[column] : 0;
        start[k] = (uint32_t)bias - (uint32_t)(p->a_zero_point * total);
    }
}

/* Four k of a row with all columns. */
static inline const uint32_t *add4(uint32_t word, const uint32_t *b, uint32_t sums[4])
{
    uint32_t even = nn_sxtb16(word), odd = nn_sxtb16_high(word);
    uint32_t b0 = b[0], b1 = b[1], b2 = b[2], b3 = b[3];
    uint32_t b4 = b[4], b5 = b[5], b6 = b[6], b7 = b[7];
    sums[0] = nn_smlad(odd, b4, nn_smlad(even, b0, sums[0]));
    sums[1] = nn_smlad(odd, b5, nn_smlad(even, b1, sums[1]));
    sums[2] = nn_smlad(odd, b6, nn_smlad(even, b2, sums[2]));
    sums[3] = nn_smlad(odd, b7, nn_smlad(even, b3, sums[3]));
    return b + 8;
}

static void add_row(const int8_t *a, const uint32_t *b, int32_t depth, const uint32_t start[4],
                    int32_t total[4])
{
    uint32_t sums[4] = {start[0], start[1], start[2], start[3]};
    for (; depth >= 4; depth -= 4, a += 4) {
        b = add4(nn_load4(a), b, sums);
    }
    if (depth > 0) {
        int8_t rest[4] = {0};
        memcpy(rest, a, (size_t)depth);
        add4(nn_load4(rest), b, sums);
    }
    for (int32_t k = 0; k < 4; k++) {
        total[k] = (int32_t)sums[k];
    }
}

static void multiply(const nn_matmul_params *p, const int8_t *a, const int8_t *b, int8_t *out,
                     int8_t *scratch)
{
    const nn_matmul_shape *s = &p->shape;
    for (int32_t c = 0; c < s->columns; c += 4) {
        int32_t count = s->columns - c < 4 ? s->columns - c : 4;
        const int32_t *multiplier = p->multiplier + c * p->column;
        const int8_t *shift = p->shift + c * p->column, *row = a;
        int8_t *codes = out + c;
        uint32_t start[4];
        pack(p, b, c, scratch, start);
        for (int32_t r = 0; r < s->rows; r++, row += s->a_row, codes += s->columns) {
            int32_t sums[4];
            add_row(row, (const uint32_t *)(const void *)scratch, s->depth, start, sums);
            nn_store_sums(sums, count, multiplier, shift, p->column, p->out_zero_point, p->act_min,
                          p->act_max, codes);
        }
    }
}

void nn_matmul_s8_dsp(const nn_matmul_params *p, const int8_t *a, const int8_t *b, int8_t *out,
                      int8_t *scratch)
{
    NN_EACH_MATRIX(&p->shape, int8_t, a, b, multiply(p, a_matrix, b_matrix, out, scratch);
                   out += p->shape.rows * p->shape.columns;)
}
