#include "nn_conv2d_gemm_padded.h"

#include <string.h>

void nn_conv2d_s8_gemm_padded(const nn_conv2d_gemm_padded_params *p, const int8_t *in, int8_t *out,
                              int8_t *scratch)
{
    int32_t row = p->in_w * p->inner.in_c, padded_row = p->inner.in_w * p->inner.in_c;
    int32_t size = p->inner.in_h * padded_row;
    int8_t *to = scratch + p->pad_top * padded_row + p->pad_left * p->inner.in_c;
    memset(scratch, p->inner.in_zero_point, (size_t)size);
    for (int32_t y = 0; y < p->in_h; y++) {
        memcpy(to, in, (size_t)row);
        to += padded_row;
        in += row;
    }
    nn_conv2d_s8_gemm(&p->inner, scratch, out, scratch + (size + 3) / 4 * 4);
}
