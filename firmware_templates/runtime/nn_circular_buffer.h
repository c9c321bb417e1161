/*
 * The last `slots` inputs of slot_bytes, of which each call adds one behind the others. kept holds
 * all but the first for the next call; of one slot it is not used.
 * Aliasing: no two buffers may overlap. Scratch: none.
 */
#ifndef NN_CIRCULAR_BUFFER_H
#define NN_CIRCULAR_BUFFER_H

#include <stdint.h>

typedef struct {
    int32_t slot_bytes, slots, cycles_max;
} nn_circular_buffer_params;

void nn_circular_buffer(const nn_circular_buffer_params *p, const int8_t *in, int8_t *kept,
                        int8_t *out);

/* *valid becomes true in one of cycles_max calls; *left counts them down to it. */
void nn_circular_buffer_timed(const nn_circular_buffer_params *p, const int8_t *in, int8_t *kept,
                              int32_t *left, int8_t *out, uint8_t *valid);

#endif
