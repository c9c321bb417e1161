/*
 * Offsets into nn_depthwise_mve_tile and nn_depthwise_mve_channels for assembly; nn_depthwise_mve.h
 * checks them.
 */
#ifndef NN_DEPTHWISE_MVE_LAYOUT_H
#define NN_DEPTHWISE_MVE_LAYOUT_H

#define NN_DEPTHWISE_MVE_OUT_STEP     16
#define NN_DEPTHWISE_MVE_WEIGHTS_STEP 20
#define NN_DEPTHWISE_MVE_TILES        24
#define NN_DEPTHWISE_MVE_MASKED       28
#define NN_DEPTHWISE_MVE_MASK         32

#endif
