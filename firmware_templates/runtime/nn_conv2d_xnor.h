/*
 * 2-D convolution of codes that are only -1 and 1 with weights that are only -c and c: a product is
 * a bit, a sum of n products c * (n - 2 * popcount(input ^ weights)).
 *
 * Input and output as nn_conv2d.h says. A fully connected layer is a convolution of pixels that are
 * rows of their own.
 * Bits: 1 for the code -1, the first one of a word in bit 0. A row of the image becomes row_words
 * words: lead words outside the image, the row's codes without gaps, then what is outside again,
 * which has the bits of `fill`. A window is its taps without gaps, row by row, in `words` words
 * whose last bits are 0: in each of kernel_h rows `runs` runs of run_bits bits, run_step bits from
 * one to the next; those of the first window of a row begin at bit `first`, those of the next ones
 * `step` bits behind. Weights: the bits of a window for each output channel.
 * Where gathered is 0, windows are whole words of the image already, and nothing is outside it.
 * Numbers: for each output channel its bias, which holds c for each product and what the input's
 * zero point takes from them, and its multiplier.
 * Range: sums shifted to the left by their channel's shift are less than 2^30.
 * Aliasing: the whole input is read before the first output is written, so out may lie over in.
 * Scratch, aligned to 4: in_h rows and one outside the image, a window, and a word per channel.
 */
#ifndef NN_CONV2D_XNOR_H
#define NN_CONV2D_XNOR_H

#include <stdint.h>

typedef struct {
    int32_t in_h, row_codes;
    int32_t lead, row_words;
    uint32_t fill; /* all bits equal */
    int32_t out_h, out_w, out_c;
    int32_t pad_top, stride_h, dilation_h, kernel_h;
    int32_t first, step;
    int32_t runs, run_bits, run_step;
    int32_t words;
    int32_t gathered;
    int32_t unit; /* 2c */
    int32_t out_zero_point;
    int32_t act_min, act_max;
    const uint32_t *weights;
    const int32_t *numbers;
    const int8_t *shift;
} nn_conv2d_xnor_params;

void nn_conv2d_s8_xnor(const nn_conv2d_xnor_params *p, const int8_t *in, int8_t *out,
                       int8_t *scratch);

#endif
