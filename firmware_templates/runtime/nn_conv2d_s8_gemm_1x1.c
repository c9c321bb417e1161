#include "nn_conv2d_gemm_1x1.h"

void nn_conv2d_s8_gemm_1x1(const nn_conv2d_gemm_1x1_params *p, const int8_t *in, int8_t *out,
                           int8_t *scratch)
{
    uint32_t *columns = (uint32_t *)(void *)scratch;
    int32_t in_c = p->in_c, out_c = 4 * p->shape.groups;
    for (int32_t i = p->pixels / 2; i > 0; i--) {
        nn_widen2(in, in + in_c, columns, in_c);
        p->gemm(columns, p->weights, out, &p->shape);
        in += 2 * in_c;
        out += 2 * out_c;
    }
    if (p->pixels % 2 != 0) { /* a last pixel without a partner is its own */
        nn_gemm_shape alone = p->shape;
        alone.out_stride = 0;
        nn_widen2(in, in, columns, in_c);
        p->gemm(columns, p->weights, out, &alone);
    }
}
