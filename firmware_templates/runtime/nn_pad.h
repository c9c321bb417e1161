/*
 * Copies in (4 dimensions) into out at the offset before and fills the rest. Aliasing: out must not
 * overlap in. Scratch: none.
 */
#ifndef NN_PAD_H
#define NN_PAD_H

#include <stdint.h>

typedef struct {
    int32_t in_dims[4], out_dims[4], before[4];
    int32_t fill;
} nn_pad_params;

void nn_pad_s8(const nn_pad_params *p, const int8_t *in, int8_t *out);

#endif
