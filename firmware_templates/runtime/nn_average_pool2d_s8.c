#include "nn_fixedpoint.h"
#include "nn_pool2d.h"
#include "nn_sum.h"

/* sum / count, halves away from zero, clamped. */
static int8_t rounded_mean(const nn_pool2d_params *p, int32_t sum, int32_t count)
{
    int32_t mean = sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
    return (int8_t)nn_clamp(mean, p->act_min, p->act_max);
}

void nn_average_pool2d_s8(const nn_pool2d_params *p, const int8_t *in, int8_t *out)
{
    int32_t channels = p->channels;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        for (int32_t ox = 0; ox < p->out_w; ox++, out += channels) {
            nn_pool2d_taps taps = nn_pool2d_window(p, oy, ox);
            int32_t count = taps.runs * taps.length, c = 0;
            for (; c + 4 <= channels; c += 4) {
                int32_t sums[4] = {0, 0, 0, 0};
                for (int32_t run = 0; run < taps.runs; run++) {
                    nn_sum4(in + taps.first + run * taps.step + c, channels, taps.length, sums);
                }
                for (int32_t i = 0; i < 4; i++) {
                    out[c + i] = rounded_mean(p, sums[i], count);
                }
            }
            for (; c < channels; c++) {
                int32_t sum = 0;
                for (int32_t run = 0; run < taps.runs; run++) {
                    sum += nn_sum1(in + taps.first + run * taps.step + c, channels, taps.length);
                }
                out[c] = rounded_mean(p, sum, count);
            }
        }
    }
}
