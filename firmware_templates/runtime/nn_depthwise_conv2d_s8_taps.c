#include "nn_depthwise_taps.h"
#include "nn_dsp.h"

/* The four channels of all taps of the window whose corner is (y, x). */
static void gather(const nn_depthwise_taps_params *p, const int8_t *in, uint32_t *taps, int32_t y,
                   int32_t x)
{
    const uint32_t padding = (uint32_t)(uint8_t)p->in_zero_point * 0x01010101u;
    const uint32_t rows = (uint32_t)p->rows.in_size, columns = (uint32_t)p->columns.in_size;
    const int32_t kernel_columns = p->window.columns, dilation = p->columns.dilation;
    const int32_t tap_step = p->window.tap_step, row_step = p->window.row_step;
    const int8_t *row = in + y * p->rows.in_step + x * p->columns.in_step;
    for (int32_t ky = p->window.rows; ky > 0; ky--) {
        const int8_t *tap = row;
        /* a row outside the image has no column inside */
        int32_t column = (uint32_t)y < rows ? x : -kernel_columns * dilation;
        for (int32_t kx = kernel_columns; kx > 0; kx--) {
            *taps++ = (uint32_t)column < columns ? nn_load4(tap) : padding;
            tap += tap_step;
            column += dilation;
        }
        row += row_step;
        y += p->rows.dilation;
    }
}

/* Row oy of the output. */
static void row(const nn_depthwise_taps_params *p, const int8_t *in, const uint32_t *weights,
                int8_t *out, uint32_t *scratch, int32_t oy)
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
            p->kernel((const int8_t *)scratch, weights, out, &gathered);
            ox++;
            out += window.out_step;
        }
    }
}

void nn_depthwise_conv2d_s8_taps(const nn_depthwise_taps_params *p, const int8_t *in, int8_t *out,
                                 int8_t *scratch)
{
    const uint32_t *weights = p->weights;
    uint32_t *taps = (uint32_t *)(void *)scratch;
    for (int32_t c = 0; c < p->channels; c += 4) {
        /* the last four overlap those before when channels are not a multiple of four */
        int32_t channel = c + 4 <= p->channels ? c : p->channels - 4;
        for (int32_t oy = 0; oy < p->rows.out_size; oy++) {
            row(p, in + channel, weights, out + oy * p->rows.out_step + channel, taps, oy);
        }
        weights += 9 + p->window.rows * p->window.columns;
    }
}
