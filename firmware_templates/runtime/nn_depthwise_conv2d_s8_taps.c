#include "nn_depthwise_taps.h"

#include <string.h>

/* The four channels of all taps of the window whose corner is (y, x). */
static void gather(const nn_depthwise_taps_params *p, const int8_t *in, int8_t *taps, int32_t y,
                   int32_t x)
{
    for (int32_t ky = 0; ky < p->window.rows; ky++, y += p->rows.dilation) {
        const int8_t *row = in + y * p->rows.in_step;
        int inside = (uint32_t)y < (uint32_t)p->rows.in_size;
        int32_t column = x;
        for (int32_t kx = p->window.columns; kx > 0; kx--, column += p->columns.dilation) {
            if (inside && (uint32_t)column < (uint32_t)p->columns.in_size) {
                memcpy(taps, row + column * p->columns.in_step, 4);
            } else {
                memset(taps, p->in_zero_point, 4);
            }
            taps += 4;
        }
    }
}

/* Row oy of the output. */
static void row(const nn_depthwise_taps_params *p, const int8_t *in, const uint32_t *weights,
                int8_t *out, int8_t *scratch, int32_t oy)
{
    nn_depthwise_window gathered = p->window, window = p->window;
    gathered.row_step = 4 * gathered.columns;
    gathered.tap_step = 4;
    int32_t y = oy * p->rows.stride - p->rows.pad;
    int inside = oy >= p->rows.inside && oy < p->rows.outside;
    for (int32_t ox = 0; ox < p->columns.out_size;) {
        int32_t x = ox * p->columns.stride - p->columns.pad;
        if (inside && ox == p->columns.inside && ox < p->columns.outside) {
            window.outputs = p->columns.outside - ox;
            const int8_t *corner = in + y * p->rows.in_step + x * p->columns.in_step;
            p->kernel(corner, weights, out, &window);
            ox += window.outputs;
            out += window.outputs * window.out_step;
        } else {
            gather(p, in, scratch, y, x);
            p->kernel(scratch, weights, out, &gathered);
            ox++;
            out += window.out_step;
        }
    }
}

void nn_depthwise_conv2d_s8_taps(const nn_depthwise_taps_params *p, const int8_t *in, int8_t *out,
                                 int8_t *scratch)
{
    const uint32_t *weights = p->weights;
    for (int32_t c = 0; c < p->channels; c += 4) {
        /* the last four overlap those before when channels are not a multiple of four */
        int32_t channel = c + 4 <= p->channels ? c : p->channels - 4;
        for (int32_t oy = 0; oy < p->rows.out_size; oy++) {
            row(p, in + channel, weights, out + oy * p->rows.out_step + channel, scratch, oy);
        }
        weights += 9 + p->window.rows * p->window.columns;
    }
}
