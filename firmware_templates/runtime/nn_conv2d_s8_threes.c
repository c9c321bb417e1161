#include "nn_conv2d_threes.h"

#include "nn_threes.h"

#include <string.h>

#define PIXELS 3

/* The corners of three windows in the image, which they may leave. */
typedef struct {
    int32_t y[PIXELS], x[PIXELS];
} corners;

/* The next pixels from (*oy, *ox) on, `count` of them; the last one again for those that lack. */
static corners next_corners(const nn_conv2d_threes_params *p, int32_t count, int32_t *oy,
                            int32_t *ox)
{
    corners c;
    for (int32_t i = 0; i < PIXELS; i++) {
        c.y[i] = *oy * p->stride_h - p->pad_top;
        c.x[i] = *ox * p->stride_w - p->pad_left;
        if (i + 1 < count && ++*ox == p->out_w) {
            *ox = 0;
            ++*oy;
        }
    }
    if (++*ox == p->out_w) {
        *ox = 0;
        ++*oy;
    }
    return c;
}

static int are_inside(const nn_conv2d_threes_params *p, const corners *c)
{
    int32_t last_y = p->in_h - 1 - (p->kernel_h - 1) * p->dilation_h;
    int32_t last_x = p->in_w - p->kernel_w;
    for (int32_t i = 0; i < PIXELS; i++) {
        if (c->y[i] < 0 || c->x[i] < 0 || c->y[i] > last_y || c->x[i] > last_x) {
            return 0;
        }
    }
    return 1;
}

/* A row of a window that leaves the image, with the zero point outside. */
static void copy_row(const nn_conv2d_threes_params *p, const int8_t *in, int32_t y, int32_t x,
                     int8_t *row)
{
    int32_t first = x < 0 ? -x : 0;
    int32_t end = x + p->kernel_w > p->in_w ? p->in_w - x : p->kernel_w;
    memset(row, p->in_zero_point, (size_t)(p->kernel_w * p->in_c));
    if (y >= 0 && y < p->in_h && first < end) {
        memcpy(row + first * p->in_c, in + (y * p->in_w + x + first) * p->in_c,
               (size_t)((end - first) * p->in_c));
    }
}

/* Where the next columns go: parts follow one another, each behind the two words that begin it. */
typedef struct {
    uint32_t *at;
    int32_t part, left; /* columns of a part, and those that this one lacks */
} columns;

static NN_NOINLINE uint32_t *pack(const int8_t *a, const int8_t *b, const int8_t *c, int32_t n,
                                  uint32_t *at)
{
    for (const int8_t *end = a + n; a != end; at += 2) {
        uint32_t middle = (uint32_t)*b++;
        at[0] = (uint32_t)*a++ + (middle << 21);
        at[1] = (uint32_t)*c++ + (middle << 10);
    }
    return at;
}

static void add_columns(columns *to, const int8_t *a, const int8_t *b, const int8_t *c, int32_t n)
{
    while (n > 0) {
        int32_t now = n < to->left ? n : to->left;
        to->at = pack(a, b, c, now, to->at);
        a += now;
        b += now;
        c += now;
        n -= now;
        to->left -= now;
        if (to->left == 0) {
            to->left = to->part;
            to->at += 2;
        }
    }
}

/* All columns of three windows; rows has room for a row of each where they leave the image. */
static void add_windows(const nn_conv2d_threes_params *p, const int8_t *in, const corners *c,
                        columns *to, int8_t *rows)
{
    int32_t bytes = p->kernel_w * p->in_c, pitch = p->in_w * p->in_c;
    int32_t inside = are_inside(p, c);
    for (int32_t ky = 0; ky < p->kernel_h; ky++) {
        const int8_t *from[PIXELS];
        for (int32_t i = 0; i < PIXELS; i++) {
            int32_t y = c->y[i] + ky * p->dilation_h, x = c->x[i];
            if (inside) {
                from[i] = in + y * pitch + x * p->in_c;
            } else {
                copy_row(p, in, y, x, rows + i * bytes);
                from[i] = rows + i * bytes;
            }
        }
        add_columns(to, from[0], from[1], from[2], bytes);
    }
}

/* The words that begin a part of n columns. */
static NN_NOINLINE void begin_part(uint32_t *part, int32_t n)
{
    uint32_t x = 0, y = 0;
    for (const uint32_t *at = part + 2, *end = at + 2 * n; at != end; at += 2) {
        x += at[0];
        y += at[1];
    }
    part[0] = 0u - 128u * x;
    part[1] = 0u - 128u * y;
}

/* The sums of four channels in one part, for each pixel, plus those in `before`, where the pixels
 * lie `step` apart. */
static void add_product(const uint32_t *part, const uint8_t *weights, int32_t n,
                        const int32_t *before, int32_t step, int32_t sums[4 * PIXELS])
{
    uint32_t words[8], *word = words;
    nn_threes_product(part, weights, n, words);
    for (const int32_t *end = before + 4; before != end; before++, sums++, word += 2) {
        nn_threes_sums s = nn_threes_unpack(word[0], word[1]);
        sums[0] = before[0] + s.a;
        sums[4] = before[step] + s.b;
        sums[8] = before[2 * step] + s.c;
    }
}

/* All channels of three pixels, of which `count` are stored. */
static void multiply(const nn_conv2d_threes_params *p, const uint32_t *parts, int32_t count,
                     int8_t *out)
{
    const uint8_t *weights = p->weights;
    int32_t out_c = p->out_c;
    for (int32_t oc = 0; oc < out_c; oc += 4) {
        int32_t sums[4 * PIXELS], left = p->k, step = 0;
        int32_t channels = out_c - oc < 4 ? out_c - oc : 4;
        const int32_t *before = p->bias + oc;
        const uint32_t *part = parts;
        for (; left > p->part; left -= p->part, before = sums, step = 4) {
            add_product(part, weights, p->part, before, step, sums);
            part += 2 + 2 * p->part;
            weights += 4 * p->part;
        }
        add_product(part, weights, left, before, step, sums);
        weights += 4 * left;
        for (int32_t i = 0; i < count; i++) {
            nn_store_codes(&p->codes, oc, sums + 4 * i, channels, out + i * out_c + oc);
        }
    }
}

void nn_conv2d_s8_threes(const nn_conv2d_threes_params *p, const int8_t *in, int8_t *out,
                         int8_t *scratch)
{
    uint32_t *parts = (uint32_t *)(void *)scratch;
    int32_t used = p->kernel_h * p->kernel_w * p->in_c, count = PIXELS, oy = 0, ox = 0;
    int32_t before = (p->k - 1) / p->part * p->part;
    uint32_t *end = parts + 2 * p->k + 2 * (before / p->part + 1);
    for (int32_t pixels = p->out_h * p->out_w; pixels > 0; pixels -= count) {
        columns to = {parts + 2, p->part, p->part};
        uint32_t *part = parts;
        corners c;
        count = pixels < PIXELS ? pixels : PIXELS;
        c = next_corners(p, count, &oy, &ox);
        add_windows(p, in, &c, &to, (int8_t *)end);
        memset(end - 2 * (p->k - used), 0, (size_t)(8 * (p->k - used)));
        for (int32_t k = 0; k < before; k += p->part, part += 2 + 2 * p->part) {
            begin_part(part, p->part);
        }
        begin_part(part, p->k - before);
        multiply(p, parts, count, out);
        out += count * p->out_c;
    }
}
