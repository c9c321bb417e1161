#include "nn_half.h"

#define NN_WEIGHT         uint32_t
#define NN_WEIGHTS_OF_TAP 2
#define NN_LOAD_WEIGHTS(w)                                                                         \
    float w0 = nn_low_bf16((w)[0]), w1 = nn_high_bf16((w)[0]);                                     \
    float w2 = nn_low_bf16((w)[1]), w3 = nn_high_bf16((w)[1]);
#include "nn_mac_f32_loops.h"

void nn_mac_f32_bf16(const nn_mac_taps *taps, const float *in, int32_t pixels, int32_t pixel_step,
                     const void *weights, float *sums)
{
    of_pixels(taps, in, pixels, pixel_step, (const uint32_t *)weights, sums);
}
