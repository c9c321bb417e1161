/*
 * The loops of nn_mac_f32.h for one kind of weights. Before it is included NN_WEIGHT is their type
 * and NN_WEIGHTS_OF_TAP the number of these for 4 channels; NN_LOAD_WEIGHTS(w) declares the floats
 * w0, w1, w2 and w3.
 */
#include "nn_float.h"
#include "nn_mac_f32.h"

static void of_one_pixel(const nn_mac_taps *taps, const float *in, const NN_WEIGHT *weights,
                         float *sums)
{
    float s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    for (int32_t row = 0; row < taps->rows; row++) {
        const float *x = in;
        const NN_WEIGHT *w = weights;
        for (int32_t k = taps->count; k > 0; k--) {
            NN_LOAD_WEIGHTS(w)
            float value = *x++;
            w += NN_WEIGHTS_OF_TAP;
            NN_MAC_F32(s0, value, w0);
            NN_MAC_F32(s1, value, w1);
            NN_MAC_F32(s2, value, w2);
            NN_MAC_F32(s3, value, w3);
        }
        in += taps->in_step;
        weights += taps->weight_step * NN_WEIGHTS_OF_TAP;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

#define NN_MAC_PIXEL(x, s0, s1, s2, s3)                                                            \
    do {                                                                                           \
        float value_ = *(x)++;                                                                     \
        NN_MAC_F32(s0, value_, w0);                                                                \
        NN_MAC_F32(s1, value_, w1);                                                                \
        NN_MAC_F32(s2, value_, w2);                                                                \
        NN_MAC_F32(s3, value_, w3);                                                                \
    } while (0)

static void of_four_pixels(const nn_mac_taps *taps, const float *in, int32_t pixel_step,
                           const NN_WEIGHT *weights, float *sums)
{
    float s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
    float s4 = sums[4], s5 = sums[5], s6 = sums[6], s7 = sums[7];
    float s8 = sums[8], s9 = sums[9], s10 = sums[10], s11 = sums[11];
    float s12 = sums[12], s13 = sums[13], s14 = sums[14], s15 = sums[15];
    for (int32_t row = 0; row < taps->rows; row++) {
        const float *a = in, *b = a + pixel_step, *c = b + pixel_step, *d = c + pixel_step;
        const NN_WEIGHT *w = weights;
        for (int32_t k = taps->count; k > 0; k--) {
            NN_LOAD_WEIGHTS(w)
            w += NN_WEIGHTS_OF_TAP;
            NN_MAC_PIXEL(a, s0, s1, s2, s3);
            NN_MAC_PIXEL(b, s4, s5, s6, s7);
            NN_MAC_PIXEL(c, s8, s9, s10, s11);
            NN_MAC_PIXEL(d, s12, s13, s14, s15);
        }
        in += taps->in_step;
        weights += taps->weight_step * NN_WEIGHTS_OF_TAP;
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
    sums[4] = s4;
    sums[5] = s5;
    sums[6] = s6;
    sums[7] = s7;
    sums[8] = s8;
    sums[9] = s9;
    sums[10] = s10;
    sums[11] = s11;
    sums[12] = s12;
    sums[13] = s13;
    sums[14] = s14;
    sums[15] = s15;
}

static void of_pixels(const nn_mac_taps *taps, const float *in, int32_t pixels, int32_t pixel_step,
                      const NN_WEIGHT *weights, float *sums)
{
    if (pixels == 4) {
        of_four_pixels(taps, in, pixel_step, weights, sums);
    } else {
        of_one_pixel(taps, in, weights, sums);
    }
}
