#include "nn_conv2d_gemm.h"

#include "nn_gemm_windows.h"

void nn_conv2d_s8_gemm(const nn_conv2d_gemm_params *p, const int8_t *in, int8_t *out,
                       int8_t *scratch)
{
    int32_t pixels = p->out_h * p->out_w, pixel_step = p->stride_w * p->in_c;
    nn_gemm_span inside = nn_gemm_inside_of(p);
    nn_gemm_place at = {0, 0};
    nn_gemm_run run = {.out = out,
                       .columns = (uint32_t *)(void *)scratch,
                       .weights = p->weights,
                       .step = 2 * pixel_step};
    while (pixels > 0) {
        nn_gemm_place next =
            pixels > 1 ? nn_gemm_after(p, at) : at; /* a last pixel is its own partner */
        int32_t count = 1;
        if (nn_gemm_is_inside(p, at.oy) && at.ox >= inside.first && at.ox < inside.end &&
            nn_gemm_is_inside(p, next.oy) && next.ox >= inside.first && next.ox < inside.end) {
            run.a = nn_gemm_window_at(p, in, at.oy, at.ox);
            run.b = nn_gemm_window_at(p, in, next.oy, next.ox);
            run.row_step = p->dilation_h * p->in_w * p->in_c;
            if (next.ox > at.ox) {
                count = (inside.end - at.ox) / 2;
            }
        } else {
            nn_gemm_copy_windows(p, in, at, next, scratch + p->copies, &run);
        }
        run.count = count;
        run.out_stride = pixels > 1 ? p->out_c : 0;
        p->gemm(&run, &p->shape);
        run.out += 2 * count * p->out_c;
        pixels -= 2 * count;
        next.ox += 2 * (count - 1);
        at = nn_gemm_after(p, next);
    }
}
