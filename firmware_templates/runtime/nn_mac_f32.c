#define NN_WEIGHT          float
#define NN_WEIGHTS_OF_TAP  4
#define NN_LOAD_WEIGHTS(w) float w0 = (w)[0], w1 = (w)[1], w2 = (w)[2], w3 = (w)[3];
#include "nn_mac_f32_loops.h"

void nn_mac_f32(const nn_mac_taps *taps, const float *in, int32_t pixels, int32_t pixel_step,
                const void *weights, float *sums)
{
    of_pixels(taps, in, pixels, pixel_step, (const float *)weights, sums);
}
