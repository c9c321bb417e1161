#include "nn_dsp.h"
#include "nn_transpose_conv.h"

/* Four taps of an input, less the zero point, with those of four filters. */
static inline void add4(uint32_t word, uint32_t minus_zero_point, const int8_t *w, uint32_t sums[4])
{
    uint32_t even = nn_add16x2(nn_sxtb16(word), minus_zero_point);
    uint32_t odd = nn_add16x2(nn_sxtb16_high(word), minus_zero_point);
    uint32_t w0 = nn_load4(w), w1 = nn_load4(w + 4), w2 = nn_load4(w + 8), w3 = nn_load4(w + 12);
    sums[0] = nn_smlad(nn_sxtb16_high(w0), odd, nn_smlad(nn_sxtb16(w0), even, sums[0]));
    sums[1] = nn_smlad(nn_sxtb16_high(w1), odd, nn_smlad(nn_sxtb16(w1), even, sums[1]));
    sums[2] = nn_smlad(nn_sxtb16_high(w2), odd, nn_smlad(nn_sxtb16(w2), even, sums[2]));
    sums[3] = nn_smlad(nn_sxtb16_high(w3), odd, nn_smlad(nn_sxtb16(w3), even, sums[3]));
}

/* Adds what a row of the input gives to an output pixel, by four filters. */
static void add_row(const nn_conv2d_params *p, const nn_reach *columns, const int8_t *in,
                    const int8_t *weights, int32_t total[4])
{
    uint32_t sums[4] = {(uint32_t)total[0], (uint32_t)total[1], (uint32_t)total[2],
                        (uint32_t)total[3]};
    uint32_t minus_zero_point = (uint32_t)(uint16_t)(-p->in_zero_point) * 0x10001u;
    int32_t whole = p->in_c & ~3, rest = p->in_c - whole, step = (p->in_c + 3) / 4 * 16;
    in += columns->first * p->in_c;
    weights += columns->tap * step;
    for (int32_t x = columns->first; x < columns->end; x++, weights += p->stride_w * step) {
        const int8_t *w = weights;
        for (const int8_t *end = in + whole; in != end; in += 4, w += 16) {
            add4(nn_load4(in), minus_zero_point, w, sums);
        }
        if (rest > 0) {
            int8_t last[4] = {0}; /* whose other weights are zero */
            memcpy(last, in, (size_t)rest);
            add4(nn_load4(last), minus_zero_point, w, sums);
            in += rest;
        }
    }
    for (int32_t i = 0; i < 4; i++) {
        total[i] = (int32_t)sums[i];
    }
}

void nn_transpose_conv_s8_dsp(const nn_conv2d_params *p, const int8_t *in, int8_t *out)
{
    int32_t row_bytes = p->kernel_w * ((p->in_c + 3) / 4 * 16);
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        nn_reach rows = nn_reach_of(oy + p->pad_top, p->kernel_h, p->stride_h, p->in_h);
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            nn_reach columns = nn_reach_of(ox + p->pad_left, p->kernel_w, p->stride_w, p->in_w);
            const int8_t *weights = p->weights;
            for (int32_t oc = 0; oc < p->out_c; oc += 4, weights += p->kernel_h * row_bytes) {
                int32_t count = p->out_c - oc < 4 ? p->out_c - oc : 4;
                int32_t ky = rows.tap, sums[4] = {0, 0, 0, 0};
                for (int32_t k = 0; k < count; k++) {
                    sums[k] = p->bias[oc + k];
                }
                for (int32_t y = rows.first; y < rows.end; y++, ky += p->stride_h) {
                    add_row(p, &columns, in + y * p->in_w * p->in_c, weights + ky * row_bytes,
                            sums);
                }
                out = nn_store_sums(sums, count, p->multiplier + oc, p->shift + oc, 1,
                                    p->out_zero_point, p->act_min, p->act_max, out);
            }
        }
    }
}
