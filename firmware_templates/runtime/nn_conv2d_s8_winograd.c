#include "nn_conv2d_winograd.h"

#include <string.h>

/* Words of the scratch's parts, for `channels` of the input. */
static inline int32_t v_words(int32_t channels)
{
    return channels / 2 * (NN_WINOGRAD_V_PAIR / 4);
}

static inline int32_t u_words(int32_t channels)
{
    return channels / 2 * (NN_WINOGRAD_U_PAIR / 4);
}

/* A tile of 4x4 outputs. */
typedef struct {
    int32_t y, x; /* of its first output pixel */
} nn_winograd_tile;

static inline nn_winograd_tile tile_at(const nn_conv2d_winograd_params *p, int32_t index)
{
    int32_t across = (p->out_w + 3) / 4;
    nn_winograd_tile tile = {index / across * 4, index % across * 4};
    return tile;
}

/* v of a tile. Where its 6x6 pixels leave the image they are put together in `patch`. */
static void input_of(const nn_conv2d_winograd_params *p, const int8_t *in, nn_winograd_tile tile,
                     int8_t *patch, uint32_t *v)
{
    int32_t in_c = p->in_c, in_w = p->in_w;
    int32_t y = tile.y - p->pad_top, x = tile.x - p->pad_left;
    if (y >= 0 && x >= 0 && y + 6 <= p->in_h && x + 6 <= in_w) {
        nn_winograd_input(in + (y * in_w + x) * in_c, in_w * in_c, in_c, v);
        return;
    }
    memset(patch, p->in_zero_point, (size_t)(36 * in_c));
    int32_t first = x < 0 ? -x : 0, end = x + 6 > in_w ? in_w - x : 6;
    for (int32_t i = 0; i < 6; i++) {
        if ((uint32_t)(y + i) < (uint32_t)p->in_h && first < end) {
            memcpy(patch + (6 * i + first) * in_c, in + ((y + i) * in_w + x + first) * in_c,
                   (size_t)((end - first) * in_c));
        }
    }
    nn_winograd_input(patch, 6 * in_c, in_c, v);
}

/* Four channels of a tile's outputs from its m; `out` is the image's first pixel of these channels.
 */
static void output_of(const nn_conv2d_winograd_params *p, const int32_t *m,
                      const int32_t *requantize, nn_winograd_tile tile, int8_t *out)
{
    nn_winograd_steps steps = {p->out_c, p->out_w * p->out_c};
    int32_t rows = p->out_h - tile.y, columns = p->out_w - tile.x;
    out += tile.y * steps.row + tile.x * steps.pixel;
    if (rows >= 4 && columns >= 4) {
        p->output(m, requantize, out, &steps);
        return;
    }
    static const nn_winograd_steps dense = {4, 16};
    int8_t pixels[64];
    p->output(m, requantize, pixels, &dense);
    for (int32_t i = 0; i < rows && i < 4; i++) {
        for (int32_t j = 0; j < columns && j < 4; j++) {
            memcpy(out + i * steps.row + j * steps.pixel, pixels + 16 * i + 4 * j, 4);
        }
    }
}

/* u of the four output channels from `channel` on. */
static void weights_of(const nn_conv2d_winograd_params *p, int32_t channel, uint32_t *u)
{
    for (int32_t i = 0; i < 4; i++) {
        nn_winograd_weights(p->weights + (channel + i) * 9 * p->in_c, p->in_c, u + i);
    }
}

/* All tiles, `batch` pairs at a time. `resident` has u of all channels; without it u of four
 * channels at a time is made in `u`. */
static void convolve(const nn_conv2d_winograd_params *p, const int8_t *in, int8_t *out, uint32_t *v,
                     const uint32_t *resident, uint32_t *u, int32_t *m)
{
    int32_t tiles = (p->out_h + 3) / 4 * ((p->out_w + 3) / 4);
    int32_t v_pair = v_words(p->in_c), u_group = u_words(p->in_c);
    for (int32_t first = 0; first < tiles; first += 2 * p->batch) {
        int32_t count = tiles - first < 2 * p->batch ? tiles - first : 2 * p->batch;
        for (int32_t i = 0; i < count; i++) {
            /* m is not needed now, its place takes the patch */
            input_of(p, in, tile_at(p, first + i), (int8_t *)m, v + i / 2 * v_pair + i % 2);
        }
        for (int32_t channel = 0; channel < p->out_c; channel += 4) {
            const uint32_t *group = u;
            if (resident) {
                group = resident + channel / 4 * u_group;
            } else {
                weights_of(p, channel, u);
            }
            for (int32_t i = 0; i < count; i++) {
                if (i % 2 == 0) { /* a last tile without a partner has what was there before */
                    p->gemm(v + i / 2 * v_pair, group, m, p->in_c / 2);
                }
                output_of(p, m + i % 2 * 4, p->requantize + 4 * channel, tile_at(p, first + i),
                          out + channel);
            }
        }
    }
}

void nn_conv2d_s8_winograd_stored(const nn_conv2d_winograd_params *p, const int8_t *in, int8_t *out,
                                  int8_t *scratch)
{
    uint32_t *v = (uint32_t *)(void *)scratch;
    convolve(p, in, out, v, p->u, 0, (int32_t *)(void *)(v + p->batch * v_words(p->in_c)));
}

void nn_conv2d_s8_winograd_run_time(const nn_conv2d_winograd_params *p, const int8_t *in,
                                    int8_t *out, int8_t *scratch)
{
    uint32_t *v = (uint32_t *)(void *)scratch;
    uint32_t *u = v + p->batch * v_words(p->in_c);
    int32_t group = u_words(p->in_c);
    if (!p->resident) {
        convolve(p, in, out, v, 0, u, (int32_t *)(void *)(u + group));
        return;
    }
    for (int32_t channel = 0; channel < p->out_c; channel += 4) {
        weights_of(p, channel, u + channel / 4 * group);
    }
    convolve(p, in, out, v, u, 0, (int32_t *)(void *)(u + p->out_c / 4 * group));
}
