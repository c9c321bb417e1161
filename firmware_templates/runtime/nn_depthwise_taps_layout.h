/*
 * Offsets into nn_depthwise_window for assembly; nn_depthwise_taps.h checks them.
 */
#ifndef NN_DEPTHWISE_TAPS_LAYOUT_H
#define NN_DEPTHWISE_TAPS_LAYOUT_H

#define NN_DEPTHWISE_TAPS_OUTPUTS   0
#define NN_DEPTHWISE_TAPS_IN_STEP   4
#define NN_DEPTHWISE_TAPS_OUT_STEP  8
#define NN_DEPTHWISE_TAPS_ROWS      12
#define NN_DEPTHWISE_TAPS_COLUMNS   16
#define NN_DEPTHWISE_TAPS_ROW_STEP  20
#define NN_DEPTHWISE_TAPS_STEP      24
#define NN_DEPTHWISE_TAPS_ZERO_TERM 28

#endif
