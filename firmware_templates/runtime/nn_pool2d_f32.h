/*
 * Average, maximum and root mean square pooling, float32, NHWC with batch 1, results as nn_float.h
 * says. Taps outside the image are left out, of the average's count too. Every window must hold at
 * least one tap. Aliasing: out may lie over in where a pixel's outputs are behind all that it and
 * those after it read. Scratch: none.
 */
#ifndef NN_POOL2D_F32_H
#define NN_POOL2D_F32_H

#include <stdint.h>

#include "nn_window.h"

typedef struct {
    int32_t in_h, in_w;
    int32_t out_h, out_w;
    int32_t channels;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    float act_min, act_max;
} nn_pool2d_f32_params;

/* The taps of a window that lie inside the image. */
typedef struct {
    int32_t first; /* element of the image */
    int32_t rows, columns;
} nn_pool2d_f32_window;

static inline nn_pool2d_f32_window nn_pool2d_f32_window_at(const nn_pool2d_f32_params *p,
                                                           int32_t oy, int32_t ox)
{
    int32_t y = oy * p->stride_h - p->pad_top, x = ox * p->stride_w - p->pad_left;
    int32_t top = nn_first_tap(y, 1), left = nn_first_tap(x, 1);
    nn_pool2d_f32_window w = {
        .first = ((y + top) * p->in_w + x + left) * p->channels,
        .rows = nn_end_tap(y, 1, p->kernel_h, p->in_h) - top,
        .columns = nn_end_tap(x, 1, p->kernel_w, p->in_w) - left,
    };
    return w;
}

void nn_average_pool2d_f32(const nn_pool2d_f32_params *p, const float *in, float *out);
void nn_max_pool2d_f32(const nn_pool2d_f32_params *p, const float *in, float *out);
void nn_l2_pool2d_f32(const nn_pool2d_f32_params *p, const float *in, float *out);

#endif
