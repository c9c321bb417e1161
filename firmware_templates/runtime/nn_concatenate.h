/*
 * Copies `outer` chunks of `chunk` bytes to out + offset, out + offset + stride, ... One call for
 * each input of a concatenation. Aliasing: out must not overlap in. Scratch: none.
 */
#ifndef NN_CONCATENATE_H
#define NN_CONCATENATE_H

#include <stdint.h>

typedef struct {
    int32_t outer, chunk, stride, offset;
} nn_concatenate_params;

void nn_concatenate(const nn_concatenate_params *p, const int8_t *in, int8_t *out);

#endif
