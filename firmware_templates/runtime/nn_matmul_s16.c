#include "nn_fixedpoint.h"
#include "nn_matmul.h"
#include "nn_requantize_wide.h"

static int64_t sum_of(const nn_matmul_shape *s, const int16_t *a, const int16_t *b)
{
    int64_t sum = 0;
    for (int32_t k = s->depth; k > 0; k--) {
        sum += (int64_t)*a * *b;
        a += s->a_depth;
        b += s->b_depth;
    }
    return sum;
}

static int16_t *multiply(const nn_matmul_s16_params *p, const int16_t *a, const int16_t *b,
                         int16_t *out)
{
    const nn_matmul_shape *s = &p->shape;
    for (int32_t r = 0; r < s->rows; r++) {
        for (int32_t c = 0; c < s->columns; c++) {
            int64_t sum = sum_of(s, a + r * s->a_row, b + c * s->b_column);
            int32_t code = nn_requantize_wide(sum, p->factor, p->shift);
            *out++ = (int16_t)nn_clamp(code, p->act_min, p->act_max);
        }
    }
    return out;
}

void nn_matmul_s16(const nn_matmul_s16_params *p, const int16_t *a, const int16_t *b, int16_t *out)
{
    NN_EACH_MATRIX(&p->shape, int16_t, a, b, out = multiply(p, a_matrix, b_matrix, out);)
}
