/*
 * Copies `outer` chunks of `chunk` bytes to target + offset, target + offset + stride, ... One
 * call for each input of a concatenation, of any type. Aliasing: target must not overlap source.
 * Scratch: none.
 */
#ifndef NN_CONCATENATE_H
#define NN_CONCATENATE_H

#include <stdint.h>

typedef struct {
    int32_t outer, chunk, stride, offset;
} nn_concatenate_params;

void nn_concatenate(const nn_concatenate_params *p, const void *source, void *target);

#endif
