/*
 * Numbers that C and assembly share; nn_depthwise_3x3.h checks the offsets.
 */
#ifndef NN_DEPTHWISE_3X3_LAYOUT_H
#define NN_DEPTHWISE_3X3_LAYOUT_H

/* Words of one channel in one column of the strip: pairs of rows that are packed at once. */
#define NN_DEPTHWISE_SLOTS 5

/* Bits below a code in the high word of the _floor forms' product. */
#define NN_DEPTHWISE_FLOOR_SHIFT 10

/* Offsets into nn_depthwise_tile. */
#define NN_DEPTHWISE_ROWS        0
#define NN_DEPTHWISE_COLUMNS     4
#define NN_DEPTHWISE_ROW_STEP    8
#define NN_DEPTHWISE_COLUMN_STEP 12
#define NN_DEPTHWISE_ZERO_TERM   16

/* Offsets into nn_depthwise_run. */
#define NN_DEPTHWISE_RUN_COLUMNS 0
#define NN_DEPTHWISE_UPPER_STEP  4
#define NN_DEPTHWISE_LOWER_STEP  8

#endif
