#define NN_WEIGHT          float
#define NN_WEIGHTS_OF_TAP  4
#define NN_LOAD_WEIGHTS(w) float w0 = (w)[0], w1 = (w)[1], w2 = (w)[2], w3 = (w)[3];
#include "nn_depthwise_pixel_f32_loops.h"

void nn_depthwise_pixel_f32(const nn_depthwise_conv2d_f32_params *p,
                            const nn_depthwise_taps_f32 *taps, const float *in, const char *weights,
                            float *out)
{
    all_channels(p, taps, in, weights, out);
}
