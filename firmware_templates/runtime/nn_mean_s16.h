/* Mean, int16; the rest is as in nn_mean.h, whose parameters it takes. Sums must fit int32. */
#ifndef NN_MEAN_S16_H
#define NN_MEAN_S16_H

#include "nn_mean.h"

void nn_mean_s16(const nn_mean_params *p, const int16_t *in, int16_t *out);

#endif
