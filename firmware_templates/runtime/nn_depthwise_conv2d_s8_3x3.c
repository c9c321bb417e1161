#include "nn_depthwise_3x3.h"

enum {
    SLOTS = NN_DEPTHWISE_SLOTS,
    COLUMN = 4 * SLOTS, /* words of one column of the strip */
};

/* The last slot becomes the first: the rows that the next strip shares with this one. */
static void keep_last_slot(uint32_t *word, int32_t columns)
{
    for (; columns > 0; columns--) {
        uint32_t a = word[SLOTS - 1], b = word[2 * SLOTS - 1], c = word[3 * SLOTS - 1],
                 d = word[4 * SLOTS - 1];
        word[0] = a;
        word[SLOTS] = b;
        word[2 * SLOTS] = c;
        word[3 * SLOTS] = d;
        word += COLUMN;
    }
}

/* What the four channels see: their part of the input, and four bytes of padding. */
typedef struct {
    const nn_depthwise_3x3_params *p;
    const int8_t *in;
    uint32_t padding;
} source;

/* The first four bytes of row y and the step to the next; padding when it is not in the image. */
static const int8_t *row_at(const source *s, int32_t y, int32_t *step)
{
    if ((uint32_t)y < (uint32_t)s->p->in_rows) {
        *step = s->p->in_column_step;
        return s->in + y * s->p->in_row_step;
    }
    *step = 0;
    return (const int8_t *)&s->padding;
}

static void four_channels(const source *s, const uint32_t *weights, int8_t *out, uint32_t *strip)
{
    const nn_depthwise_3x3_params *p = s->p;
    int32_t columns = (p->tile.columns - 1) * p->stride + 3 - p->pad_columns;
    nn_depthwise_run run = {columns < p->in_columns ? columns : p->in_columns, 0, 0};
    nn_depthwise_tile tile = p->tile;
    strip += p->pad_columns * COLUMN;
    /* slots that n output rows need: n / 2 + 1, rounded up, or n + 1 with stride 2 */
    int32_t most = p->stride == 1 ? 2 * (SLOTS - 1) : SLOTS - 1;
    for (int32_t oy = 0, slot = 0; oy < p->tile.rows; oy += most, slot = 1) {
        int32_t left = p->tile.rows - oy;
        tile.rows = left < most ? left : most;
        if (slot > 0) {
            keep_last_slot(strip, run.columns);
        }
        int32_t used = p->stride == 1 ? (tile.rows + 1) / 2 + 1 : tile.rows + 1;
        for (; slot < used; slot++) {
            int32_t y = oy * p->stride + 2 * slot - p->pad_rows;
            const int8_t *upper = row_at(s, y, &run.upper_step);
            const int8_t *lower = row_at(s, y + 1, &run.lower_step);
            nn_depthwise_pack(upper, lower, strip + slot, &run);
        }
        p->kernel(strip - p->pad_columns * COLUMN, weights, out + oy * tile.row_step, &tile);
    }
}

/* Fills the columns that are not in the image, which stay, with the zero point. */
static void pad_strip(const nn_depthwise_3x3_params *p, uint32_t *strip, uint32_t zero)
{
    int32_t columns = (p->tile.columns - 1) * p->stride + 3;
    for (int32_t i = 0; i < p->pad_columns * COLUMN; i++) {
        strip[i] = zero;
    }
    for (int32_t i = (p->pad_columns + p->in_columns) * COLUMN; i < columns * COLUMN; i++) {
        strip[i] = zero;
    }
}

void nn_depthwise_conv2d_s8_3x3(const nn_depthwise_3x3_params *p, const int8_t *in, int8_t *out,
                                int8_t *scratch)
{
    uint32_t *strip = (uint32_t *)(void *)scratch;
    source s = {.p = p, .padding = (uint32_t)(uint8_t)p->in_zero_point * 0x01010101u};
    pad_strip(p, strip, (uint32_t)(uint16_t)p->in_zero_point * 0x00010001u);
    for (int32_t c = 0; c < p->channels; c += 4) {
        /* the last four overlap those before when channels are not a multiple of four */
        int32_t channel = c + 4 <= p->channels ? c : p->channels - 4;
        s.in = in + channel;
        four_channels(&s, p->weights + 5 * channel, out + channel, strip);
    }
}
