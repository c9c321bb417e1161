#include "nn_depthwise_fours.h"

#include "nn_port.h"

#include <string.h>

/* The scratch: where each tap's channels lie, the latest rows of the input, and what is outside. */
typedef struct {
    const int8_t **taps;
    int8_t *saved, *outside;
} buffers;

/* Sums over n taps of channels c to c + 3, and the bias. */
static NN_NOINLINE void add_taps(const int8_t *const *taps, int32_t n, int32_t c,
                                 const int8_t *weights, const int32_t *bias, int32_t sums[4])
{
    int32_t s0 = bias[c], s1 = bias[c + 1], s2 = bias[c + 2], s3 = bias[c + 3];
    for (const int8_t *end = weights + 4 * n; weights != end; weights += 4) {
        const int8_t *x = *taps++ + c;
        s0 += x[0] * weights[0];
        s1 += x[1] * weights[1];
        s2 += x[2] * weights[2];
        s3 += x[3] * weights[3];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

/* All channels of one output pixel. */
static void convolve(const nn_depthwise_fours_params *p, const int8_t *const *taps, int8_t *out)
{
    const int8_t *weights = p->weights;
    int32_t n = p->kernel_h * p->kernel_w, channels = p->channels;
    for (int32_t c = 0; c < channels; c += 4, weights += 4 * n) {
        int32_t first = c + 4 <= channels ? c : channels - 4;
        int32_t sums[4];
        add_taps(taps, n, first, weights, p->bias, sums);
        nn_store_codes(&p->codes, first, sums, 4, out + first);
    }
}

/* Finds the taps of a row of the window; row is the image's or a copy, NULL outside. */
static const int8_t **find_taps(const nn_depthwise_fours_params *p, const int8_t *row, int32_t x,
                                const int8_t *outside, const int8_t **taps)
{
    for (int32_t kx = 0; kx < p->kernel_w; kx++, x += p->dilation_w) {
        *taps++ = row != NULL && x >= 0 && x < p->in_w ? row + x * p->channels : outside;
    }
    return taps;
}

static const int8_t *row_of(const nn_depthwise_fours_params *p, const int8_t *in, const buffers *b,
                            int32_t y, int32_t oy)
{
    int32_t pitch = p->in_w * p->channels;
    if (y < 0 || y >= p->in_h) {
        return NULL;
    }
    return p->saved_rows > 0 && y <= oy ? b->saved + y % p->saved_rows * pitch : in + y * pitch;
}

void nn_depthwise_conv2d_s8_fours(const nn_depthwise_fours_params *p, const int8_t *in, int8_t *out,
                                  int8_t *scratch)
{
    int32_t pitch = p->in_w * p->channels, n = p->kernel_h * p->kernel_w;
    buffers b;
    /* scratch is aligned for the pointers of a microcontroller */
    b.taps = (const int8_t **)(void *)(scratch + (0u - (uintptr_t)scratch) % sizeof *b.taps);
    b.saved = (int8_t *)(b.taps + n);
    b.outside = b.saved + p->saved_rows * pitch;
    memset(b.outside, p->in_zero_point, (size_t)p->channels);
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        if (p->saved_rows > 0) {
            memcpy(b.saved + oy % p->saved_rows * pitch, in + oy * pitch, (size_t)pitch);
        }
        for (int32_t ox = 0; ox < p->out_w; ox++, out += p->channels) {
            const int8_t **taps = b.taps;
            int32_t y = oy * p->stride_h - p->pad_top, x = ox * p->stride_w - p->pad_left;
            for (int32_t ky = 0; ky < p->kernel_h; ky++, y += p->dilation_h) {
                taps = find_taps(p, row_of(p, in, &b, y, oy), x, b.outside, taps);
            }
            convolve(p, b.taps, out);
        }
    }
}
