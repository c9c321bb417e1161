#include "nn_matmul_mve.h"

#include "nn_fixedpoint.h"
#include "nn_mve.h"

void nn_matmul_s8_mve_in_place(const nn_matmul_mve_params *p, const int8_t *in, int8_t *out,
                               int8_t *scratch)
{
    int32_t channels = p->gemm.out_c;
    for (int32_t i = 0; i < p->pixels; i += NN_MATMUL_MVE_COPIED) {
        int32_t left = p->pixels - i;
        int32_t some = left < NN_MATMUL_MVE_COPIED ? left : NN_MATMUL_MVE_COPIED;
        nn_mve_copy(scratch, in + i * channels, some * channels);
        p->kernel(&p->gemm, scratch, out + i * channels, some);
    }
    nn_clamp_codes(out, p->pixels * channels, p->act_min, p->act_max);
}
