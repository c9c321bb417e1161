/*
 * Offsets into nn_add_sum for assembly; nn_add_dsp.h checks them.
 */
#ifndef NN_ADD_LAYOUT_H
#define NN_ADD_LAYOUT_H

#define NN_ADD_COUNT      0
#define NN_ADD_MULTIPLIER 4
#define NN_ADD_ROUNDING   8
#define NN_ADD_SHIFT      12
#define NN_ADD_SECOND     16

#endif
