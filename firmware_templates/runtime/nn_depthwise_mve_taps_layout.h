/*
 * An offset into nn_depthwise_mve_window for assembly, which loads the words before it in their
 * order; nn_depthwise_mve_taps.h checks it.
 */
#ifndef NN_DEPTHWISE_MVE_TAPS_LAYOUT_H
#define NN_DEPTHWISE_MVE_TAPS_LAYOUT_H

#define NN_DEPTHWISE_MVE_TAPS_OFFSETS 48

#endif
