/*
 * Every code by a table, int8: out[i] = table[(uint8_t)in[i]].
 * Aliasing: out may be in. Scratch: none.
 */
#ifndef NN_LOOKUP_H
#define NN_LOOKUP_H

#include <stdint.h>

typedef struct {
    int32_t size;
    const int8_t *table; /* 256 codes: for 0 to 127, then for -128 to -1 */
} nn_lookup_params;

void nn_lookup_s8(const nn_lookup_params *p, const int8_t *in, int8_t *out);

#endif
