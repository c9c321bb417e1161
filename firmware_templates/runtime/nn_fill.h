/*
 * Writes `count` elements of `size` bytes (1, 2 or 4), each the lowest bytes of `value`.
 * Aliasing: none. Scratch: none.
 */
#ifndef NN_FILL_H
#define NN_FILL_H

#include <stdint.h>

typedef struct {
    int32_t count, size;
    uint32_t value;
} nn_fill_params;

void nn_fill(const nn_fill_params *p, void *target);

#endif
