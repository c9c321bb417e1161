/*
 * Fully connected layer, int8, TFLite semantics: out[r][o] = sum over i of in[r][i] *
 * weights[o][i].
 *
 * Weights are symmetric int8; bias, multiplier and shift have out_c entries.
 * Aliasing: out must not overlap in. Scratch: none.
 */
#ifndef NN_FULLY_CONNECTED_H
#define NN_FULLY_CONNECTED_H

#include <stdint.h>

typedef struct {
    int32_t rows, in_c, out_c;
    int32_t in_zero_point, out_zero_point;
    int32_t act_min, act_max;
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
} nn_fully_connected_params;

void nn_fully_connected_s8(const nn_fully_connected_params *p, const int8_t *in, int8_t *out);

#endif
