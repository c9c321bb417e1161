#include "nn_dsp.h"
#include "nn_fixedpoint.h"
#include "nn_pool2d.h"

/* The highest of each of four neighbouring channels. */
static uint32_t highest4(const int8_t *in, int32_t channels, const nn_pool2d_taps *taps)
{
    uint32_t highest = nn_load4(in + taps->first);
    for (int32_t run = 0; run < taps->runs; run++) {
        const int8_t *tap = in + taps->first + run * taps->step;
        for (int32_t i = taps->length; i > 0; i--, tap += channels) {
            highest = nn_max_s8x4(highest, nn_load4(tap));
        }
    }
    return highest;
}

static int8_t highest1(const int8_t *in, int32_t channels, const nn_pool2d_taps *taps)
{
    int8_t highest = INT8_MIN;
    for (int32_t run = 0; run < taps->runs; run++) {
        const int8_t *tap = in + taps->first + run * taps->step;
        for (int32_t i = taps->length; i > 0; i--, tap += channels) {
            highest = *tap > highest ? *tap : highest;
        }
    }
    return highest;
}

void nn_max_pool2d_s8(const nn_pool2d_params *p, const int8_t *in, int8_t *out)
{
    int32_t channels = p->channels;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        for (int32_t ox = 0; ox < p->out_w; ox++, out += channels) {
            nn_pool2d_taps taps = nn_pool2d_window(p, oy, ox);
            int32_t c = 0;
            for (; c + 4 <= channels; c += 4) {
                uint32_t highest = highest4(in + c, channels, &taps);
                memcpy(out + c, &highest, 4);
            }
            for (; c < channels; c++) {
                out[c] = highest1(in + c, channels, &taps);
            }
            nn_clamp_codes(out, channels, p->act_min, p->act_max);
        }
    }
}
