#include "nn_fixedpoint.h"
#include "nn_pool2d_s16.h"

static int32_t highest_of(const nn_pool2d_params *p, const nn_pool2d_taps *taps, const int16_t *in)
{
    int32_t highest = INT16_MIN;
    for (int32_t run = 0; run < taps->runs; run++, in += taps->step) {
        const int16_t *x = in;
        for (int32_t k = taps->length; k > 0; k--, x += p->channels) {
            highest = *x > highest ? *x : highest;
        }
    }
    return highest;
}

void nn_max_pool2d_s16(const nn_pool2d_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        for (int32_t ox = 0; ox < p->out_w; ox++) {
            nn_pool2d_taps taps = nn_pool2d_window(p, oy, ox);
            for (int32_t c = 0; c < p->channels; c++) {
                int32_t highest = highest_of(p, &taps, in + taps.first + c);
                *out++ = (int16_t)nn_clamp(highest, p->act_min, p->act_max);
            }
        }
    }
}
