/*
 * Offsets that C and assembly share; nn_depthwise_line.h checks them.
 */
#ifndef NN_DEPTHWISE_LINE_LAYOUT_H
#define NN_DEPTHWISE_LINE_LAYOUT_H

/* Into nn_depthwise_line. */
#define NN_DEPTHWISE_LINE_OUTPUTS   0
#define NN_DEPTHWISE_LINE_OUT_STEP  4
#define NN_DEPTHWISE_LINE_TAP_PAIRS 8
#define NN_DEPTHWISE_LINE_TAP_WORDS 12
#define NN_DEPTHWISE_LINE_ZERO_TERM 16

/* Into nn_depthwise_pairs. */
#define NN_DEPTHWISE_LINE_PAIRS 0
#define NN_DEPTHWISE_LINE_STEP  4

/* Words of scratch before the strip: two for each of eight tap pairs. */
#define NN_DEPTHWISE_LINE_STRIP 16

#endif
