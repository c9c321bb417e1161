/*
 * The inner loop of float32 convolution and fully connected layers: products of a window's taps
 * with the weights of 4 output channels, added to their sums in the order of the taps.
 *
 * The weights of 4 channels lie side by side: for each tap 4 floats, or 4 values of 16 bits in two
 * words, the first one in the lower half.
 */
#ifndef NN_MAC_F32_H
#define NN_MAC_F32_H

#include <stdint.h>

/* `rows` rows of `count` taps; the steps lead from a row to the next. */
typedef struct {
    int32_t rows, count;
    int32_t in_step;     /* in elements of the image */
    int32_t weight_step; /* in taps */
} nn_mac_taps;

/* For 1 pixel or for 4 pixels whose windows begin pixel_step elements apart; sums[4 * pixel +
 * channel]. */
typedef void nn_mac_f32_function(const nn_mac_taps *taps, const float *in, int32_t pixels,
                                 int32_t pixel_step, const void *weights, float *sums);

nn_mac_f32_function nn_mac_f32;      /* float32 weights */
nn_mac_f32_function nn_mac_f32_f16;  /* float16 weights */
nn_mac_f32_function nn_mac_f32_bf16; /* bfloat16 weights */

#endif
