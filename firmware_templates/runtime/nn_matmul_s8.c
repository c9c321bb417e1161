#include "nn_fixedpoint.h"
#include "nn_matmul.h"

static int32_t sum_of(const nn_matmul_params *p, const int8_t *a, const int8_t *b)
{
    int32_t sum = 0;
    for (int32_t k = p->shape.depth; k > 0; k--) {
        sum += (*a - p->a_zero_point) * (*b - p->b_zero_point);
        a += p->shape.a_depth;
        b += p->shape.b_depth;
    }
    return sum;
}

static int8_t *multiply(const nn_matmul_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    const nn_matmul_shape *s = &p->shape;
    for (int32_t r = 0; r < s->rows; r++) {
        for (int32_t c = 0; c < s->columns; c++) {
            int32_t acc = sum_of(p, a + r * s->a_row, b + c * s->b_column);
            acc += p->bias ? p->bias[c] : 0;
            acc = nn_requantize(acc, p->multiplier[c * p->column], p->shift[c * p->column]);
            *out++ = (int8_t)nn_clamp(acc + p->out_zero_point, p->act_min, p->act_max);
        }
    }
    return out;
}

void nn_matmul_s8(const nn_matmul_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    NN_EACH_MATRIX(&p->shape, int8_t, a, b, out = multiply(p, a_matrix, b_matrix, out);)
}
