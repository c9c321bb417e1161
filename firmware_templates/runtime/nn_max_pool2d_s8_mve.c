#include "nn_fixedpoint.h"
#include "nn_pool2d.h"
#include "nn_pool_mve.h"

#include "nn_mve.h"

void nn_max_pool2d_s8_mve(const nn_pool2d_params *p, const int8_t *in, int8_t *out)
{
    int32_t channels = p->channels;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        for (int32_t ox = 0; ox < p->out_w; ox++, out += channels) {
            nn_pool2d_taps taps = nn_pool2d_window(p, oy, ox);
            for (int32_t c = 0; c < channels; c += NN_HIGHEST_MVE_CHANNELS) {
                int8_t highest[NN_HIGHEST_MVE_CHANNELS];
                int32_t left = channels - c;
                int32_t some = left < NN_HIGHEST_MVE_CHANNELS ? left : NN_HIGHEST_MVE_CHANNELS;
                nn_mve_fill(highest, INT8_MIN, NN_HIGHEST_MVE_CHANNELS);
                for (int32_t run = 0; run < taps.runs; run++) {
                    nn_highest_mve(in + taps.first + run * taps.step + c, channels, taps.length,
                                   some, highest);
                }
                nn_mve_copy(out + c, highest, some);
            }
            nn_clamp_codes(out, channels, p->act_min, p->act_max);
        }
    }
}
