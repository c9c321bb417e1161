/*
 * Depthwise 2-D convolution, int8, TFLite semantics. The parameters and the contract are those of
 * nn_conv2d.h; weights are HWO and out_c is a multiple of in_c (the channel multiplier).
 */
#ifndef NN_DEPTHWISE_CONV2D_H
#define NN_DEPTHWISE_CONV2D_H

#include "nn_conv2d.h"

void nn_depthwise_conv2d_s8(const nn_conv2d_params *p, const int8_t *in, int8_t *out);

#endif
