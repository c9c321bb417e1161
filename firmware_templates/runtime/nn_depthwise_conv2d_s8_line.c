#include "nn_depthwise_line.h"

/* Packs the line that starts at `in`: pixels outside the image are the zero point. */
static void pack_line(const nn_depthwise_line_params *p, const int8_t *in, uint32_t *strip)
{
    uint32_t padding = (uint32_t)(uint8_t)p->in_zero_point * 0x01010101u;
    nn_depthwise_pairs run = {.pairs = 1, .step = 2 * p->in_step};
    int32_t pixels = p->line.outputs + p->size - 1;
    for (int32_t i = 0; i < pixels; i += 2 * run.pairs) {
        int32_t y = i - p->pad;
        run.pairs = 1;
        if (y >= 0 && y + 1 < p->in_size) { /* as many as both pixels of are in the image */
            int32_t left = pixels - i < p->in_size - y ? pixels - i : p->in_size - y;
            run.pairs = left > 1 ? left / 2 : 1;
        }
        const int8_t *none = (const int8_t *)&padding;
        const int8_t *first = (uint32_t)y < (uint32_t)p->in_size ? in + y * p->in_step : none;
        const int8_t *second =
            (uint32_t)(y + 1) < (uint32_t)p->in_size ? in + (y + 1) * p->in_step : none;
        nn_depthwise_pack_line(first, second, strip + 2 * i, &run);
    }
}

void nn_depthwise_conv2d_s8_line(const nn_depthwise_line_params *p, const int8_t *in, int8_t *out,
                                 int8_t *scratch)
{
    uint32_t *words = (uint32_t *)(void *)scratch;
    const uint32_t *weights = p->weights;
    for (int32_t c = 0; c < p->channels; c += 4) {
        /* the last four overlap those before when channels are not a multiple of four */
        int32_t channel = c + 4 <= p->channels ? c : p->channels - 4;
        for (int32_t i = 0; i < p->lines; i++) {
            pack_line(p, in + i * p->in_line_step + channel, words + NN_DEPTHWISE_LINE_STRIP);
            p->kernel(words, weights, out + i * p->out_line_step + channel, &p->line);
        }
        weights += 1 + 4 * (p->line.tap_words + 2);
    }
}
