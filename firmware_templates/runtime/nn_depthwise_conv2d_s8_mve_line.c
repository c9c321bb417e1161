#include "nn_depthwise_mve.h"

#include "nn_fixedpoint.h"
#include "nn_mve.h"

/* `count` words of the line from pixel y on; pixels outside the image are the zero point. */
static void fill(const nn_depthwise_mve_line_params *p, const int8_t *line, int32_t y,
                 int32_t count, int32_t channels, int8_t *strip, const int8_t *zero)
{
    const nn_depthwise_mve_image *image = &p->image;
    nn_depthwise_mve_rows rows;
    for (int32_t r = 0; r < 4; r++) {
        int32_t is_inside = y + r >= 0 && y + r < image->in_rows;
        rows.row[r] = is_inside ? line + (y + r) * image->in_row_step : zero;
        rows.step[r] = is_inside ? 4 * image->in_row_step : 0;
    }
    nn_depthwise_mve_fill(&rows, strip, count, channels);
}

/* The whole line: words that lie inside the image are filled at once. */
static void fill_line(const nn_depthwise_mve_line_params *p, const int8_t *line, int32_t channels,
                      int8_t *strip)
{
    const int8_t *zero = strip + p->words * NN_DEPTHWISE_MVE_COLUMN;
    int32_t pad = p->image.pad_rows;
    int32_t first = (pad + 3) / 4, behind = (p->image.in_rows + pad) / 4;
    for (int32_t word = 0; word < p->words;) {
        int32_t count = word >= first && word < behind ? behind - word : 1;
        count = word + count > p->words ? p->words - word : count;
        fill(p, line, 4 * word - pad, count, channels, strip, zero);
        strip += count * NN_DEPTHWISE_MVE_COLUMN;
        word += count;
    }
}

void nn_depthwise_conv2d_s8_mve_line(const nn_depthwise_mve_line_params *p, const int8_t *in,
                                     int8_t *out, int8_t *scratch)
{
    const nn_depthwise_mve_image *image = &p->image;
    const int8_t *weights = image->weights;
    const int32_t *numbers = image->numbers;
    nn_mve_fill(scratch + p->words * NN_DEPTHWISE_MVE_COLUMN, image->in_zero_point,
                NN_DEPTHWISE_MVE_BLOCK);
    for (int32_t c = 0; c < image->channels; c += NN_DEPTHWISE_MVE_BLOCK) {
        int32_t left = image->channels - c;
        int32_t channels = left < NN_DEPTHWISE_MVE_BLOCK ? left : NN_DEPTHWISE_MVE_BLOCK;
        for (int32_t x = 0; x < image->columns; x++) {
            fill_line(p, in + x * image->in_column_step + c, channels, scratch);
            image->kernel(&image->tile, scratch, out + x * image->column_step + c, weights, numbers,
                          channels);
        }
        weights += NN_DEPTHWISE_MVE_BLOCK * image->tile.weights_step;
        numbers += 4 * NN_DEPTHWISE_MVE_BLOCK;
    }
    nn_clamp_codes(out, image->outputs, image->act_min, image->act_max);
}
