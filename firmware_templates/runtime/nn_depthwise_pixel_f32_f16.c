#include "nn_half.h"

#define NN_WEIGHT         uint32_t
#define NN_WEIGHTS_OF_TAP 2
#define NN_LOAD_WEIGHTS(w)                                                                         \
    float w0 = nn_low_half((w)[0]), w1 = nn_high_half((w)[0]);                                     \
    float w2 = nn_low_half((w)[1]), w3 = nn_high_half((w)[1]);
#include "nn_depthwise_pixel_f32_loops.h"

void nn_depthwise_pixel_f32_f16(const nn_depthwise_conv2d_f32_params *p,
                                const nn_depthwise_taps_f32 *taps, const float *in,
                                const char *weights, float *out)
{
    all_channels(p, taps, in, weights, out);
}
