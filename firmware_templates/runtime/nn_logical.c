#include "nn_logical.h"

static uint8_t nn_logical_and_of(const nn_binary_params *p, uint8_t a, uint8_t b)
{
    (void)p;
    return a && b ? 1 : 0;
}

static uint8_t nn_logical_or_of(const nn_binary_params *p, uint8_t a, uint8_t b)
{
    (void)p;
    return a || b ? 1 : 0;
}

NN_BINARY(nn_logical_and, nn_binary_params, uint8_t, uint8_t)
NN_BINARY(nn_logical_or, nn_binary_params, uint8_t, uint8_t)

void nn_logical_not(const nn_logical_not_params *p, const uint8_t *in, uint8_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        out[i] = in[i] ? 0 : 1;
    }
}
