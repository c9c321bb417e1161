#include "nn_depthwise_mve.h"

#include "nn_fixedpoint.h"
#include "nn_mve.h"

enum { BOTH_COLUMNS_OF_ROW_0 = 0x00FF, FIRST_OUTPUT = 0x000F };

/* The strip of the rows y to y + 3 from channel c on; outside the image it keeps the zero point. */
static void fill(const nn_depthwise_mve_params *p, const int8_t *in, int32_t c, int32_t y,
                 int8_t *strip)
{
    const nn_depthwise_mve_image *image = &p->image;
    const int8_t *zero = strip + p->strip_columns * NN_DEPTHWISE_MVE_COLUMN;
    int32_t left = image->channels - c;
    int32_t channels = left < NN_DEPTHWISE_MVE_BLOCK ? left : NN_DEPTHWISE_MVE_BLOCK;
    nn_depthwise_mve_rows rows;
    for (int32_t r = 0; r < 4; r++) {
        int32_t is_inside = y + r >= 0 && y + r < image->in_rows;
        rows.row[r] = is_inside ? in + (y + r) * image->in_row_step + c : zero;
        rows.step[r] = is_inside ? image->in_column_step : 0;
    }
    int8_t *first = strip + image->pad_columns * NN_DEPTHWISE_MVE_COLUMN;
    if (p->at_once == 2 && y > -image->pad_rows) { /* what the rows held may be outputs by now */
        nn_depthwise_mve_advance(&rows, first, p->inside, channels);
    } else {
        nn_depthwise_mve_fill(&rows, first, p->inside, channels);
    }
}

/* A last row without a partner: the lower outputs of its tiles do not exist. */
static void last_row(const nn_depthwise_mve_image *image, const int8_t *strip, int8_t *out,
                     const int8_t *weights, const int32_t *numbers, int32_t channels)
{
    nn_depthwise_mve_tile tile = image->tile;
    int32_t pairs = tile.tiles, rest = tile.masked;
    tile.tiles = 0;
    if (pairs > 0) {
        tile.masked = pairs;
        tile.mask = BOTH_COLUMNS_OF_ROW_0;
        image->kernel(&tile, strip, out, weights, numbers, channels);
    }
    if (rest > 0) {
        tile.masked = 1;
        tile.mask = FIRST_OUTPUT;
        image->kernel(&tile, strip + 2 * pairs * NN_DEPTHWISE_MVE_COLUMN,
                      out + pairs * tile.out_step, weights, numbers, channels);
    }
}

void nn_depthwise_conv2d_s8_mve(const nn_depthwise_mve_params *p, const int8_t *in, int8_t *out,
                                int8_t *scratch)
{
    const nn_depthwise_mve_image *image = &p->image;
    const int8_t *weights = image->weights;
    const int32_t *numbers = image->numbers;
    nn_mve_fill(scratch, image->in_zero_point,
                p->strip_columns * NN_DEPTHWISE_MVE_COLUMN + NN_DEPTHWISE_MVE_BLOCK);
    for (int32_t c = 0; c < image->channels; c += NN_DEPTHWISE_MVE_BLOCK) {
        int32_t left = image->channels - c;
        int32_t channels = left < NN_DEPTHWISE_MVE_BLOCK ? left : NN_DEPTHWISE_MVE_BLOCK;
        int8_t *row = out + c;
        for (int32_t oy = 0; oy < image->rows; oy += p->at_once) {
            fill(p, in, c, oy * p->row_stride - image->pad_rows, scratch);
            if (oy + p->at_once > image->rows) {
                last_row(image, scratch, row, weights, numbers, channels);
            } else {
                image->kernel(&image->tile, scratch, row, weights, numbers, channels);
            }
            row += p->at_once * image->row_step;
        }
        weights += NN_DEPTHWISE_MVE_BLOCK * image->tile.weights_step;
        numbers += 4 * NN_DEPTHWISE_MVE_BLOCK;
    }
    nn_clamp_codes(out, image->outputs, image->act_min, image->act_max);
}
