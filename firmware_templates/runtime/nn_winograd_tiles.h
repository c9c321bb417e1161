/*
 * Winograd convolution tile by tile, for the files that differ in where u comes from. Each uses all
 * of these functions: `inline` would make the compiler spread them out.
 */
#ifndef NN_WINOGRAD_TILES_H
#define NN_WINOGRAD_TILES_H

#include <string.h>

#include "nn_conv2d_winograd.h"

/* u of the four output channels from `channel` on; defined by the file that includes this one. */
static void nn_winograd_make(const nn_conv2d_winograd_params *p, const void *source,
                             int32_t channel, uint32_t *u);

/* Words of the scratch's parts, for `channels` of the input. */
static inline int32_t nn_winograd_v_words(int32_t channels)
{
    return channels / 2 * (NN_WINOGRAD_V_PAIR / 4);
}

static inline int32_t nn_winograd_u_words(int32_t channels)
{
    return channels / 2 * (NN_WINOGRAD_U_PAIR / 4);
}

/* A tile of 4x4 outputs. */
typedef struct {
    int32_t y, x; /* of its first output pixel */
} nn_winograd_tile;

static inline nn_winograd_tile nn_winograd_tile_at(const nn_conv2d_winograd_params *p,
                                                   int32_t index)
{
    int32_t across = (p->out_w + 3) / 4;
    nn_winograd_tile tile = {index / across * 4, index % across * 4};
    return tile;
}

/* Row y of an image, or null outside. */
static const int8_t *nn_winograd_row_at(const nn_conv2d_winograd_params *p, const int8_t *in,
                                        int32_t y)
{
    return (uint32_t)y < (uint32_t)p->in_h ? in + y * p->in_w * p->in_c : 0;
}

/* Six pixels of a row from column x on go to `dst`; those outside the image get the zero point. */
static void nn_winograd_copy_row(const nn_conv2d_winograd_params *p, const int8_t *row, int32_t x,
                                 int8_t *dst)
{
    int32_t in_c = p->in_c, zero_point = p->in_zero_point;
    if (!row) {
        memset(dst, zero_point, (size_t)(6 * in_c));
        return;
    }
    int32_t first = x < 0 ? -x : 0, end = x + 6 > p->in_w ? p->in_w - x : 6;
    if (first > 0) {
        memset(dst, zero_point, (size_t)(first * in_c));
    }
    memcpy(dst + first * in_c, row + (x + first) * in_c, (size_t)((end - first) * in_c));
    if (end < 6) {
        memset(dst + end * in_c, zero_point, (size_t)((6 - end) * in_c));
    }
}

/* v of a tile. `above` has the image's row over the tile where that is overwritten in the image, or
 * is null. Rows that leave the image are put together in `patch`; when one of the last five does,
 * all of these. */
static void nn_winograd_input_of(const nn_conv2d_winograd_params *p, const int8_t *in,
                                 const int8_t *above, nn_winograd_tile tile, int8_t *patch,
                                 uint32_t *v)
{
    int32_t y = tile.y - p->pad_top, x = tile.x - p->pad_left, step = p->in_w * p->in_c;
    int inside = x >= 0 && x + 6 <= p->in_w;
    const int8_t *first = above ? above : nn_winograd_row_at(p, in, y),
                 *second = patch + 6 * p->in_c;
    if (first && inside) {
        first += x * p->in_c;
    } else {
        nn_winograd_copy_row(p, first, x, patch);
        first = patch;
    }
    if (inside && y + 6 <= p->in_h) {
        second = nn_winograd_row_at(p, in, y + 1) + x * p->in_c;
    } else {
        step = 6 * p->in_c;
        for (int32_t i = 1; i < 6; i++) {
            nn_winograd_copy_row(p, nn_winograd_row_at(p, in, y + i), x, patch + i * step);
        }
    }
    nn_winograd_input(first, second, step, p->in_c, v);
}

/* Four channels of a tile's outputs from its m; `out` is the image's first pixel of these channels.
 */
static void nn_winograd_output_of(const nn_conv2d_winograd_params *p, const int32_t *m,
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

/* The scratch's parts. `u` has all channels when it is stored or resident, four otherwise. */
typedef struct {
    uint32_t *v;
    const uint32_t *u;
    uint32_t *made; /* u of four channels, made again and again; or null */
    int32_t *m;
    const void *source; /* of `made` */
    int8_t *patch;      /* a tile's pixels, where m or `made` are when v is ready */
    int8_t *saved;      /* a row of pixels */
} nn_winograd_scratch;

/* Outputs of the `count` tiles from `first` on, whose v is ready. */
static void nn_winograd_output_batch(const nn_conv2d_winograd_params *p,
                                     const nn_winograd_scratch *s, int32_t first, int32_t count,
                                     int8_t *out)
{
    const uint32_t *u = s->u;
    for (int32_t channel = 0; channel < p->out_c; channel += 4) {
        if (s->made) {
            nn_winograd_make(p, s->source, channel, s->made);
        }
        const uint32_t *v = s->v;
        for (int32_t i = 0; i < count; i++) {
            if (i % 2 == 0) { /* a last tile without a partner has what was there before */
                p->gemm(v, u, s->m, p->in_c / 2);
                v += nn_winograd_v_words(p->in_c);
            }
            nn_winograd_output_of(p, s->m + i % 2 * 4, p->requantize + 4 * channel,
                                  nn_winograd_tile_at(p, first + i), out + channel);
        }
        if (!s->made) {
            u += nn_winograd_u_words(p->in_c);
        }
    }
}

static void nn_winograd_convolve(const nn_conv2d_winograd_params *p, const nn_winograd_scratch *s,
                                 const int8_t *in, int8_t *out)
{
    int32_t tiles = (p->out_h + 3) / 4 * ((p->out_w + 3) / 4);
    int32_t v_pair = nn_winograd_v_words(p->in_c), row = p->in_w * p->in_c;
    const int8_t *above = 0;
    for (int32_t first = 0; first < tiles; first += p->batch) {
        int32_t count = tiles - first < p->batch ? tiles - first : p->batch;
        int32_t top = nn_winograd_tile_at(p, first).y;
        for (int32_t i = 0; i < count; i++) {
            nn_winograd_tile tile = nn_winograd_tile_at(p, first + i);
            nn_winograd_input_of(p, in, tile.y == top ? above : 0, tile, s->patch,
                                 s->v + i / 2 * v_pair + i % 2);
        }
        int32_t last = nn_winograd_tile_at(p, first + count - 1).y + 3;
        if (in == out && last < p->in_h) { /* the next row of tiles needs what is overwritten now */
            memcpy(s->saved, in + last * row, (size_t)row);
            above = s->saved;
        }
        nn_winograd_output_batch(p, s, first, count, out);
    }
}

/* m and what lies there before and behind it, when `made` takes no patch. */
static nn_winograd_scratch nn_winograd_scratch_of(const nn_conv2d_winograd_params *p, uint32_t *v,
                                                  const uint32_t *u, uint32_t *m)
{
    int32_t tile = 36 * p->in_c;
    int8_t *patch = (int8_t *)m;
    int8_t *saved = patch + (tile > NN_WINOGRAD_M ? tile : NN_WINOGRAD_M);
    nn_winograd_scratch s = {v, u, 0, (int32_t *)(void *)m, 0, patch, saved};
    return s;
}

/* With u made at run time, of what `source` has. */
static void nn_winograd_run_time(const nn_conv2d_winograd_params *p, const void *source,
                                 const int8_t *in, int8_t *out, int8_t *scratch)
{
    uint32_t *v = (uint32_t *)(void *)scratch;
    uint32_t *u = v + (p->batch + 1) / 2 * nn_winograd_v_words(p->in_c);
    int32_t group = nn_winograd_u_words(p->in_c);
    if (p->resident) {
        for (int32_t channel = 0; channel < p->out_c; channel += 4) {
            nn_winograd_make(p, source, channel, u + channel / 4 * group);
        }
        nn_winograd_scratch s = nn_winograd_scratch_of(p, v, u, u + p->out_c / 4 * group);
        nn_winograd_convolve(p, &s, in, out);
        return;
    }
    nn_winograd_scratch s = nn_winograd_scratch_of(p, v, u, u + group);
    s.made = u;
    s.source = source;
    s.patch = (int8_t *)u;
    s.saved = (int8_t *)s.m + NN_WINOGRAD_M;
    nn_winograd_convolve(p, &s, in, out);
}

#endif
