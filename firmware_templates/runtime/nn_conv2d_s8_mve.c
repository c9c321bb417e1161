#include "nn_conv2d_mve.h"

#include "nn_fixedpoint.h"
#include "nn_mve.h"

/* The image's row y with its border, in `row`; what lies outside is the zero point. */
static const int8_t *row_of(const nn_conv2d_mve_params *p, const int8_t *in, int32_t y, int8_t *row)
{
    int32_t left = p->left_bytes, inner = p->inner_bytes, right = p->right_bytes;
    if (y < 0 || y >= p->in_h) {
        nn_mve_fill(row, p->in_zero_point, left + inner + right);
        return row;
    }
    in += y * p->in_pitch;
    if (left == 0 && right == 0) {
        return in;
    }
    if (left > 0) {
        nn_mve_fill(row, p->in_zero_point, left);
    }
    nn_mve_copy(row + left, in, inner);
    if (right > 0) {
        nn_mve_fill(row + left + inner, p->in_zero_point, right);
    }
    return row;
}

static void spread(const nn_conv2d_mve_params *p, const int8_t *from, int8_t *to)
{
    if (p->piece <= 16) {
        nn_mve_spread(to, p->to_step, from, p->from_step, p->piece, p->count);
        return;
    }
    for (int32_t i = p->count; i > 0; i--, from += p->from_step, to += p->to_step) {
        nn_mve_copy(to, from, p->piece);
    }
}

void nn_conv2d_s8_mve(const nn_conv2d_mve_params *p, const int8_t *in, int8_t *out, int8_t *scratch)
{
    int8_t *row = scratch + p->count * p->to_step, *to_row = out;
    int32_t row_outputs = p->out_w * p->gemm.out_c;
    for (int32_t oy = 0; oy < p->out_h; oy++, to_row += row_outputs) {
        int32_t y = oy * p->stride_h - p->pad_top;
        int8_t *to = scratch;
        for (int32_t ky = 0; ky < p->kernel_h; ky++, y += p->dilation_h) {
            const int8_t *from = row_of(p, in, y, row);
            for (int32_t tap = 0; tap < p->taps; tap++, from += p->tap_step, to += p->piece) {
                spread(p, from, to);
            }
        }
        p->kernel(&p->gemm, scratch, to_row, p->out_w);
    }
    nn_clamp_codes(out, p->out_h * row_outputs, p->act_min, p->act_max);
}
