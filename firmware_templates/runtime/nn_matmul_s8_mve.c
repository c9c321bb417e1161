#include "nn_matmul_mve.h"

#include "nn_fixedpoint.h"

void nn_matmul_s8_mve(const nn_matmul_mve_params *p, const int8_t *in, int8_t *out)
{
    p->kernel(&p->gemm, in, out, p->pixels);
    nn_clamp_codes(out, p->pixels * p->gemm.out_c, p->act_min, p->act_max);
}
