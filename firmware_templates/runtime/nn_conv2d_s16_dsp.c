#include "nn_conv2d_s16.h"

#include "nn_dsp.h"
#include "nn_fixedpoint.h"
#include "nn_port.h"
#include "nn_requantize_wide.h"
#include "nn_window.h"

/* The rows of taps of one output pixel inside the image, each with taps `first` to `end`;
 * row_bytes is of a row's weights. */
typedef struct {
    int32_t rows, first, end;
    int32_t in_step, row_bytes;
} taps_of_window;

static inline uint32_t load2(const int16_t *p)
{
    uint32_t word;
    memcpy(&word, p, 4);
    return word;
}

static inline uint32_t add_four(uint32_t sum, uint32_t weights, uint32_t x01, uint32_t x23)
{
    sum = nn_smlad(nn_sxtb16(weights), x01, sum);
    return nn_smlad(nn_sxtb16_high(weights), x23, sum);
}

/* One tap of a row, whose four channels' weights lie 4 bytes apart. */
static NN_NOINLINE void add_one(const int8_t *row, int32_t tap, int32_t x, uint32_t sums[4])
{
    static const int8_t place[4] = {0, 2, 1, 3};
    const int8_t *w = row + tap / 4 * 16 + place[tap % 4];
    for (int32_t k = 0; k < 4; k++) {
        sums[k] += (uint32_t)(x * w[4 * k]);
    }
}

static NN_NOINLINE void add_taps(const taps_of_window *t, const int16_t *in, const int8_t *weights,
                                 uint32_t sums[4])
{
    uint32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int32_t row = t->rows; row > 0; row--, in += t->in_step, weights += t->row_bytes) {
        const int16_t *x = in;
        int32_t tap = t->first;
        for (; tap % 4 != 0 && tap < t->end; tap++) {
            add_one(weights, tap, *x++, sums);
        }
        const int8_t *w = weights + 4 * tap;
        int32_t fours = tap < t->end ? (t->end - tap) / 4 : 0;
        tap += 4 * fours;
        for (; fours > 0; fours--, x += 4, w += 16) {
            uint32_t x01 = load2(x), x23 = load2(x + 2);
            s0 = add_four(s0, nn_load4(w), x01, x23);
            s1 = add_four(s1, nn_load4(w + 4), x01, x23);
            s2 = add_four(s2, nn_load4(w + 8), x01, x23);
            s3 = add_four(s3, nn_load4(w + 12), x01, x23);
        }
        for (; tap < t->end; tap++) {
            add_one(weights, tap, *x++, sums);
        }
    }
    sums[0] += s0;
    sums[1] += s1;
    sums[2] += s2;
    sums[3] += s3;
}

void nn_conv2d_s16_dsp(const nn_conv2d_s16_params *p, const int16_t *in, int16_t *out)
{
    int32_t row = p->in_w * p->in_c;
    int32_t row_bytes = (p->kernel_w * p->in_c + 3) / 4 * 16, group_bytes = p->kernel_h * row_bytes;
    taps_of_window t = {.in_step = p->dilation_h * row, .row_bytes = row_bytes};
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        int32_t y = oy * p->stride_h - p->pad_top, top = nn_first_tap(y, p->dilation_h);
        t.rows = nn_end_tap(y, p->dilation_h, p->kernel_h, p->in_h) - top;
        for (int32_t ox = 0; ox < p->out_w; ox++, out += p->out_c) {
            int32_t x = ox * p->stride_w - p->pad_left, left = nn_first_tap(x, 1);
            const int16_t *pixel = in + (y + top * p->dilation_h) * row + (x + left) * p->in_c;
            const int8_t *weights = p->weights + top * row_bytes;
            t.first = left * p->in_c;
            t.end = nn_end_tap(x, 1, p->kernel_w, p->in_w) * p->in_c;
            for (int32_t oc = 0; oc < p->out_c; oc += 4, weights += group_bytes) {
                uint32_t sums[4] = {0, 0, 0, 0};
                int32_t channels = p->out_c - oc < 4 ? p->out_c - oc : 4;
                add_taps(&t, pixel, weights, sums);
                for (int32_t k = 0; k < channels; k++) {
                    int64_t sum = (int32_t)sums[k] + p->bias[oc + k];
                    int32_t code = nn_requantize_wide(sum, p->factor[oc + k], p->shift[oc + k]);
                    out[oc + k] = (int16_t)nn_clamp(code, p->act_min, p->act_max);
                }
            }
        }
    }
}
