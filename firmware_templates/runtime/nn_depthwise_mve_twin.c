/* The portable twin of nn_depthwise_s8_mve.S. */
#include "nn_depthwise_mve.h"
#include "nn_requantize_mve.h"

/* Where the sixteen taps of each output of a tile begin behind a channel's weights, and its columns
 * behind the tile's first. */
typedef struct {
    int32_t step; /* columns from tile to tile */
    int32_t lead[4];
    int32_t column[4];
} form;

static const form windows_2x2 = {2, {5, 1, 4, 0}, {0, 0, 0, 0}};
static const form windows_line = {1, {3, 2, 1, 0}, {0, 0, 0, 0}};
static const form windows_apart = {8, {0, 0, 0, 0}, {0, 2, 4, 6}};

static int32_t product(const int8_t *strip, const int8_t *taps)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < 16; i++) {
        sum += strip[i / 4 * NN_DEPTHWISE_MVE_COLUMN + i % 4] * taps[i];
    }
    return sum;
}

static void channel(const form *f, const nn_depthwise_mve_tile *tile, const int8_t *strip,
                    int8_t *out, const int8_t *weights, const int32_t *numbers)
{
    int32_t shift = numbers[3] - 24, right = -shift;
    int32_t zero_point = (numbers[2] - ((int32_t)1 << (right - 1))) / ((int32_t)1 << right);
    for (int32_t t = 0; t < tile->tiles + tile->masked; t++) {
        for (int32_t i = 0; i < 4; i++) {
            if (t < tile->tiles || (tile->mask >> 4 * i & 1) != 0) {
                const int8_t *column = strip + f->column[i] * NN_DEPTHWISE_MVE_COLUMN;
                int32_t sum = numbers[0] + product(column, weights + f->lead[i]);
                out[tile->offsets[i]] = nn_code_of_sum(sum, numbers[1], shift, zero_point);
            }
        }
        strip += f->step * NN_DEPTHWISE_MVE_COLUMN;
        out += tile->out_step;
    }
}

static void all_channels(const form *f, const nn_depthwise_mve_tile *tile, const int8_t *strip,
                         int8_t *out, const int8_t *weights, const int32_t *numbers,
                         int32_t channels)
{
    for (; channels > 0; channels--, strip += 4, out++, numbers += 4) {
        channel(f, tile, strip, out, weights, numbers);
        weights += tile->weights_step;
    }
}

/* With a zero point of -128 the sign's correction cannot show: the assembly leaves it out. */
#define NN_TWIN(name, form)                                                                        \
    void name(const nn_depthwise_mve_tile *tile, const int8_t *strip, int8_t *out,                 \
              const int8_t *weights, const int32_t *numbers, int32_t channels)                     \
    {                                                                                              \
        all_channels(&(form), tile, strip, out, weights, numbers, channels);                       \
    }

NN_TWIN(nn_depthwise_s8_mve_2x2, windows_2x2)
NN_TWIN(nn_depthwise_s8_mve_2x2_relu, windows_2x2)
NN_TWIN(nn_depthwise_s8_mve_line, windows_line)
NN_TWIN(nn_depthwise_s8_mve_line_relu, windows_line)
NN_TWIN(nn_depthwise_s8_mve_apart, windows_apart)
NN_TWIN(nn_depthwise_s8_mve_apart_relu, windows_apart)

static void set_rows(const nn_depthwise_mve_rows *rows, int8_t *strip, int32_t first, int32_t count,
                     int32_t channels)
{
    for (int32_t x = 0; x < count; x++, strip += NN_DEPTHWISE_MVE_COLUMN) {
        for (int32_t r = first; r < 4; r++) {
            for (int32_t c = 0; c < channels; c++) {
                strip[4 * c + r] = rows->row[r][x * rows->step[r] + c];
            }
        }
    }
}

void nn_depthwise_mve_fill(const nn_depthwise_mve_rows *rows, int8_t *strip, int32_t count,
                           int32_t channels)
{
    set_rows(rows, strip, 0, count, channels);
}

void nn_depthwise_mve_advance(const nn_depthwise_mve_rows *rows, int8_t *strip, int32_t count,
                              int32_t channels)
{
    for (int32_t word = 0; word < count * NN_DEPTHWISE_MVE_COLUMN; word += 4) {
        strip[word] = strip[word + 2];
        strip[word + 1] = strip[word + 3];
    }
    set_rows(rows, strip, 2, count, channels);
}
