/*
 * Offsets into nn_fully_connected_shape for assembly; nn_fully_connected_dsp.h checks them.
 */
#ifndef NN_FULLY_CONNECTED_LAYOUT_H
#define NN_FULLY_CONNECTED_LAYOUT_H

#define NN_FULLY_CONNECTED_PAIRS      0
#define NN_FULLY_CONNECTED_GROUPS     4
#define NN_FULLY_CONNECTED_OFFSET     8
#define NN_FULLY_CONNECTED_MULTIPLIER 12
#define NN_FULLY_CONNECTED_HALF_SHIFT 16

#endif
