/* LOGICAL_AND, LOGICAL_OR: see nn_binary.h. */
#ifndef NN_LOGICAL_H
#define NN_LOGICAL_H

#include "nn_binary.h"

typedef struct {
    int32_t size;
} nn_logical_not_params;

NN_BINARY_DECLARED(nn_logical_and, nn_binary_params, uint8_t, uint8_t)
NN_BINARY_DECLARED(nn_logical_or, nn_binary_params, uint8_t, uint8_t)

/* Aliasing: out may be in. */
void nn_logical_not(const nn_logical_not_params *p, const uint8_t *in, uint8_t *out);

#endif
