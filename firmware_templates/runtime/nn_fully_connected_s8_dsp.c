#include "nn_fixedpoint.h"
#include "nn_fully_connected_dsp.h"

static void widen4(const int8_t *in, uint32_t *x)
{
    uint32_t word = nn_load4(in);
    x[0] = nn_sxtb16(word);
    x[1] = nn_sxtb16_high(word);
}

/* A row as int16 in the order of SXTB16, zeros up to a multiple of four. */
static void widen(const int8_t *in, uint32_t *x, int32_t n)
{
    for (; n >= 8; n -= 8, in += 8, x += 4) {
        uint32_t first = nn_load4(in), second = nn_load4(in + 4);
        x[0] = nn_sxtb16(first);
        x[1] = nn_sxtb16_high(first);
        x[2] = nn_sxtb16(second);
        x[3] = nn_sxtb16_high(second);
    }
    if (n >= 4) {
        widen4(in, x);
        n -= 4;
        in += 4;
        x += 2;
    }
    if (n > 0) {
        int8_t rest[4] = {0};
        memcpy(rest, in, (size_t)n);
        widen4(rest, x);
    }
}

/* A group of four channels, of which `count` are stored; returns the end of its weights. */
static const uint32_t *four_channels(const nn_fully_connected_dsp_params *p, const uint32_t *x,
                                     const uint32_t *w, int8_t *out, int32_t count)
{
    uint32_t low0 = w[0], high0 = w[1], low1 = w[2], high1 = w[3];
    const uint32_t *end = x + p->shape.pairs;
    for (w += 4; x != end; x += 2, w += 4) {
        uint32_t a = x[0], w0 = w[0], w1 = w[1];
        high0 = nn_smlad(w0, a, high0);
        low0 = nn_smlad(nn_sxtb16(w0), a, low0);
        high1 = nn_smlad(w1, a, high1);
        low1 = nn_smlad(nn_sxtb16(w1), a, low1);
        a = x[1];
        w0 = w[2];
        w1 = w[3];
        high0 = nn_smlad(w0, a, high0);
        low0 = nn_smlad(nn_sxtb16(w0), a, low0);
        high1 = nn_smlad(w1, a, high1);
        low1 = nn_smlad(nn_sxtb16(w1), a, low1);
    }
    int32_t doubled[4] = {(int32_t)(2 * low0), (int32_t)(high0 - low0) >> 7, (int32_t)(2 * low1),
                          (int32_t)(high1 - low1) >> 7};
    int32_t multiplier = p->shape.multiplier, half_shift = p->shape.half_shift;
    for (int32_t i = 0; i < count; i++) {
        if (p->per_channel) { /* the odd one of two comes first */
            multiplier = (int32_t)w[2 * (i ^ 1)];
            half_shift = (int32_t)w[2 * (i ^ 1) + 1];
        }
        out[i] = nn_requantize_doubled(doubled[i], multiplier, p->shape.offset * (1 << half_shift),
                                       half_shift + 1);
    }
    return p->per_channel ? w + 8 : w;
}

void nn_fully_connected_s8_dsp(const nn_fully_connected_dsp_params *p, const int8_t *in,
                               int8_t *out, int8_t *scratch)
{
    uint32_t *x = (uint32_t *)(void *)scratch;
    int32_t eights = 8 * p->shape.groups;
    for (int32_t row = 0; row < p->rows; row++, in += p->in_c, out += p->out_c) {
        const uint32_t *w = p->weights;
        widen(in, x, p->in_c);
        if (eights > 0) {
            w = p->kernel(x, w, out, &p->shape);
        }
        for (int32_t c = eights; c < p->out_c; c += 4) {
            int32_t left = p->out_c - c;
            w = four_channels(p, x, w, out + c, left < 4 ? left : 4);
        }
        nn_clamp_codes(out, p->out_c, p->act_min, p->act_max);
    }
}
