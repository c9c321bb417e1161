/*
 * The shape to which two shapes broadcast: their sides counted from the last one on, a missing one
 * is 1. Of two sides other than 1 the first's is taken. Aliasing: out must not be an input.
 * Scratch: none.
 */
#ifndef NN_BROADCAST_ARGS_H
#define NN_BROADCAST_ARGS_H

#include <stdint.h>

typedef struct {
    int32_t size1, size2, out_size;
} nn_broadcast_args_params;

void nn_broadcast_args(const nn_broadcast_args_params *p, const int32_t *in1, const int32_t *in2,
                       int32_t *out);

#endif
