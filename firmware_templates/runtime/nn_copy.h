/*
 * Copies `bytes` bytes: what becomes a value of its own, what is read from a variable or assigned
 * to it. Aliasing: none. Scratch: none.
 */
#ifndef NN_COPY_H
#define NN_COPY_H

#include <stdint.h>

typedef struct {
    int32_t bytes;
} nn_copy_params;

void nn_copy(const nn_copy_params *p, const void *source, void *target);

#endif
