/*
 * Average and maximum pooling, int16; the rest is as in nn_pool2d.h, whose parameters these take.
 * Sums must fit int32.
 */
#ifndef NN_POOL2D_S16_H
#define NN_POOL2D_S16_H

#include "nn_pool2d.h"

void nn_average_pool2d_s16(const nn_pool2d_params *p, const int16_t *in, int16_t *out);
void nn_max_pool2d_s16(const nn_pool2d_params *p, const int16_t *in, int16_t *out);

#endif
