/*
 * Depthwise convolution with a kernel of up to 15 x 1 or 1 x 15, int8, channel multiplier 1, stride
 * 1 and no dilation along the kernel, for cores with the DSP extension and an FPU. Input and output
 * as nn_conv2d.h says; every output code is in -128 to 127 (no other clamp) and there are at least
 * four channels. A "line" is what the kernel slides along: a column of the image, or a row.
 *
 * Four channels at a time, a line is packed into a strip: word 4 s + channel holds the pixels 2 s
 * and 2 s + 1, counted from the first that the line's first output reads, as int16. The even
 * outputs are sums of products of pairs (w0, w1), (w2, w3)... with these words, the odd ones of
 * pairs (0, w0), (w1, w2)...; tap_pairs = size / 2 + 1 of each.
 *
 * Weights, for each four channels: a word of their shifts, then for each channel tap_words =
 * (tap_pairs + 1) / 2 words of taps in the order 0 2 1 3, twice the bias with the zero point folded
 * in, and the multiplier. Exact while |sum + bias| < 2^30 and 1 <= shift <= 22. The _relu form
 * needs an output zero point of -128.
 *
 * Aliasing: out may be in when the shapes are the same and the number of channels is a multiple of
 * four. Scratch, aligned to 4: 8 bytes for each of 8 tap pairs, then
 * the strip.
 */
#ifndef NN_DEPTHWISE_LINE_H
#define NN_DEPTHWISE_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "nn_depthwise_line_layout.h"

typedef struct {
    int32_t outputs;   /* at least 1 */
    int32_t out_step;  /* bytes from output to output */
    int32_t tap_pairs; /* 1 to 8 */
    int32_t tap_words;
    int32_t zero_term; /* 2 * zero point + 1; shifted by (shift - 1) it is the rounding constant */
} nn_depthwise_line;

/* The pairs of pixels that are packed, and the bytes from a pair's first (second) to the next's. */
typedef struct {
    int32_t pairs; /* at least 1 */
    int32_t step;
} nn_depthwise_pairs;

typedef char nn_depthwise_line_layout_is_right
    [offsetof(nn_depthwise_line, outputs) == NN_DEPTHWISE_LINE_OUTPUTS &&
             offsetof(nn_depthwise_line, out_step) == NN_DEPTHWISE_LINE_OUT_STEP &&
             offsetof(nn_depthwise_line, tap_pairs) == NN_DEPTHWISE_LINE_TAP_PAIRS &&
             offsetof(nn_depthwise_line, tap_words) == NN_DEPTHWISE_LINE_TAP_WORDS &&
             offsetof(nn_depthwise_line, zero_term) == NN_DEPTHWISE_LINE_ZERO_TERM &&
             offsetof(nn_depthwise_pairs, pairs) == NN_DEPTHWISE_LINE_PAIRS &&
             offsetof(nn_depthwise_pairs, step) == NN_DEPTHWISE_LINE_STEP
         ? 1
         : -1];

/* Outputs of four channels; `scratch` as above. */
typedef void nn_depthwise_line_function(uint32_t *scratch, const uint32_t *weights, int8_t *out,
                                        const nn_depthwise_line *line);

nn_depthwise_line_function nn_depthwise_s8_line;
nn_depthwise_line_function nn_depthwise_s8_line_relu;

/* Four channels of pairs of pixels, into the strip from `word` on. */
void nn_depthwise_pack_line(const int8_t *first, const int8_t *second, uint32_t *word,
                            const nn_depthwise_pairs *pairs);

typedef struct {
    int32_t channels;
    int32_t lines;
    int32_t in_line_step, out_line_step; /* bytes from line to line */
    int32_t in_size;                     /* pixels of a line */
    int32_t in_step;                     /* bytes from pixel to pixel */
    int32_t size;                        /* of the kernel */
    int32_t pad;                         /* pixels before the first */
    int32_t in_zero_point;
    nn_depthwise_line line;
    nn_depthwise_line_function *kernel;
    const uint32_t *weights;
} nn_depthwise_line_params;

void nn_depthwise_conv2d_s8_line(const nn_depthwise_line_params *p, const int8_t *in, int8_t *out,
                                 int8_t *scratch);

#endif
