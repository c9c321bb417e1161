#include "nn_fixedpoint.h"
#include "nn_pool2d.h"
#include "nn_pool_mve.h"

/* The means of up to eight channels, halves away from zero, clamped. */
static void means(const nn_pool2d_params *p, const int32_t sums[8], int32_t count, int32_t channels,
                  int8_t *out)
{
    int32_t half = count / 2;
    for (int32_t c = 0; c < channels; c++) {
        int32_t sum = sums[c % 2 * 4 + c / 2];
        int32_t mean = sum > 0 ? (sum + half) / count : (sum - half) / count;
        out[c] = (int8_t)nn_clamp(mean, p->act_min, p->act_max);
    }
}

void nn_average_pool2d_s8_mve(const nn_pool2d_params *p, const int8_t *in, int8_t *out)
{
    int32_t channels = p->channels;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        for (int32_t ox = 0; ox < p->out_w; ox++, out += channels) {
            nn_pool2d_taps taps = nn_pool2d_window(p, oy, ox);
            for (int32_t c = 0; c < channels; c += NN_SUM_MVE_CHANNELS) {
                int32_t sums[NN_SUM_MVE_CHANNELS] = {0, 0, 0, 0, 0, 0, 0, 0};
                int32_t left = channels - c;
                int32_t some = left < NN_SUM_MVE_CHANNELS ? left : NN_SUM_MVE_CHANNELS;
                for (int32_t run = 0; run < taps.runs; run++) {
                    nn_sum_mve(in + taps.first + run * taps.step + c, channels, taps.length, some,
                               sums);
                }
                means(p, sums, taps.runs * taps.length, some, out + c);
            }
        }
    }
}
