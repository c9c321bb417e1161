/*
 * Copies source (4 dimensions of bytes) into target at the offset before and fills the rest with a
 * byte: tensors of int8, and of other types with zeros. Aliasing: target must not overlap source.
 * Scratch: none.
 */
#ifndef NN_PAD_H
#define NN_PAD_H

#include <stdint.h>

typedef struct {
    int32_t in_dims[4], out_dims[4], before[4];
    int32_t fill;
} nn_pad_params;

void nn_pad_s8(const nn_pad_params *p, const void *source, void *target);

#endif
