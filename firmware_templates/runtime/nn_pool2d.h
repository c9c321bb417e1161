/*
 * Average and maximum pooling, int8, NHWC with batch 1, TFLite semantics. Input and output share
 * their quantization. Taps outside the image are left out, of the average's count too.
 * Every window must hold at least one tap. Aliasing as in nn_conv2d.h. Scratch: none.
 */
#ifndef NN_POOL2D_H
#define NN_POOL2D_H

#include <stdint.h>

#include "nn_window.h"

typedef struct {
    int32_t in_h, in_w;
    int32_t out_h, out_w;
    int32_t channels;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t act_min, act_max;
} nn_pool2d_params;

/* The taps of a window that lie inside the image: runs of neighbouring pixels. */
typedef struct {
    int32_t first, step; /* bytes to the first run, and from one to the next */
    int32_t runs, length;
} nn_pool2d_taps;

static inline nn_pool2d_taps nn_pool2d_window(const nn_pool2d_params *p, int32_t oy, int32_t ox)
{
    int32_t y = oy * p->stride_h - p->pad_top, x = ox * p->stride_w - p->pad_left;
    int32_t top = nn_first_tap(y, 1), left = nn_first_tap(x, 1);
    nn_pool2d_taps taps = {
        .first = ((y + top) * p->in_w + x + left) * p->channels,
        .step = p->in_w * p->channels,
        .runs = nn_end_tap(y, 1, p->kernel_h, p->in_h) - top,
        .length = nn_end_tap(x, 1, p->kernel_w, p->in_w) - left,
    };
    if (taps.length == p->in_w) { /* whole rows follow each other without a gap */
        taps.length *= taps.runs;
        taps.runs = 1;
    }
    return taps;
}

void nn_average_pool2d_s8(const nn_pool2d_params *p, const int8_t *in, int8_t *out);
void nn_max_pool2d_s8(const nn_pool2d_params *p, const int8_t *in, int8_t *out);

/* For cores with Helium (MVE). */
void nn_average_pool2d_s8_mve(const nn_pool2d_params *p, const int8_t *in, int8_t *out);
void nn_max_pool2d_s8_mve(const nn_pool2d_params *p, const int8_t *in, int8_t *out);

#endif
