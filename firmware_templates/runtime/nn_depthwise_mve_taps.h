/*
 * Depthwise convolution of any window, with any channel multiplier, tap by tap for eight channels,
 * for cores with Helium (MVE). Taps outside the image are left out. Aliasing: out must not overlap
 * in. Scratch: none.
 *
 * weights   For each group of eight output channels eight bytes for each tap, row by row; zero
 * behind the last channel. numbers   For each group eight biases, eight multipliers and eight
 * shifts to the left; of each the even channels come first.
 *
 * Exact for sums within 32 bits and shifts of -31 to -1.
 */
#ifndef NN_DEPTHWISE_MVE_TAPS_H
#define NN_DEPTHWISE_MVE_TAPS_H

#include <stddef.h>
#include <stdint.h>

#include "nn_depthwise_mve_taps_layout.h"

#define NN_DEPTHWISE_MVE_TAPS_GROUP 8

typedef struct {
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t multiplier; /* out_c / in_c */
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left;
    int32_t in_zero_point, out_zero_point;
    int32_t act_min, act_max;
    const int8_t *weights;
    const int32_t *numbers;
} nn_depthwise_mve_taps_params;

/* One window of a group. */
typedef struct {
    const int8_t *in; /* the first tap inside the image, of the group's first channel */
    int8_t *out;
    int32_t channels; /* of the group: 1 to 8 */
    const int8_t *weights;
    int32_t weights_skip;  /* from the end of a row's taps to the next row's */
    int32_t rows, columns; /* taps inside the image, perhaps none */
    const int32_t *numbers;
    int32_t in_step;   /* from tap to tap */
    int32_t in_skip;   /* from the end of a row's taps to the next row's */
    int32_t in_offset; /* minus the zero point */
    int32_t out_zero_point;
    int16_t offsets[8]; /* of the channels' inputs */
} nn_depthwise_mve_window;

/* Assembly knows the offset; pointers are wider on other computers. */
typedef char
    nn_depthwise_mve_taps_layout_is_right[sizeof(void *) > 4 ||
                                                  offsetof(nn_depthwise_mve_window, offsets) ==
                                                      NN_DEPTHWISE_MVE_TAPS_OFFSETS
                                              ? 1
                                              : -1];

void nn_depthwise_s8_mve_window(const nn_depthwise_mve_window *window);

void nn_depthwise_conv2d_s8_mve_taps(const nn_depthwise_mve_taps_params *p, const int8_t *in,
                                     int8_t *out);

#endif
