#include "nn_conv2d_gemm_1x1.h"

void nn_conv2d_s8_gemm_1x1(const nn_conv2d_gemm_1x1_params *p, const int8_t *in, int8_t *out,
                           int8_t *scratch)
{
    int32_t in_c = p->in_c, even = p->pixels & ~1;
    nn_gemm_run run = {.a = in,
                       .b = in + in_c,
                       .out = out,
                       .columns = (uint32_t *)(void *)scratch,
                       .weights = p->weights,
                       .step = 2 * in_c,
                       .row_step = in_c,
                       .out_stride = p->out_c,
                       .count = even / 2};
    if (even != 0) {
        p->gemm(&run, &p->shape);
    }
    if (even != p->pixels) { /* a last pixel without a partner is its own */
        run.a = run.b = in + even * in_c;
        run.out = out + even * p->out_c;
        run.out_stride = 0;
        run.count = 1;
        p->gemm(&run, &p->shape);
    }
}
