#include "nn_float.h"
#include "nn_matmul.h"

static float sum_of(const nn_matmul_shape *s, const float *a, const float *b)
{
    float sum = 0.0f;
    for (int32_t k = s->depth; k > 0; k--) {
        NN_MAC_F32(sum, *a, *b);
        a += s->a_depth;
        b += s->b_depth;
    }
    return sum;
}

static float *multiply(const nn_matmul_f32_params *p, const float *a, const float *b, float *out)
{
    const nn_matmul_shape *s = &p->shape;
    for (int32_t r = 0; r < s->rows; r++) {
        for (int32_t c = 0; c < s->columns; c++) {
            float sum = sum_of(s, a + r * s->a_row, b + c * s->b_column);
            sum += p->bias ? p->bias[c] : 0.0f;
            *out++ = p->is_clamped ? nn_clamp_f32(sum, p->act_min, p->act_max) : sum;
        }
    }
    return out;
}

void nn_matmul_f32(const nn_matmul_f32_params *p, const float *a, const float *b, float *out)
{
    NN_EACH_MATRIX(&p->shape, float, a, b, out = multiply(p, a_matrix, b_matrix, out);)
}
