#include "nn_circular_buffer.h"

#include <string.h>

void nn_circular_buffer(const nn_circular_buffer_params *p, const int8_t *in, int8_t *kept,
                        int8_t *out)
{
    const size_t bytes = (size_t)p->slot_bytes, old = (size_t)(p->slots - 1) * bytes;
    memcpy(out, kept, old);
    memcpy(out + old, in, bytes);
    memcpy(kept, out + bytes, old);
}

void nn_circular_buffer_timed(const nn_circular_buffer_params *p, const int8_t *in, int8_t *kept,
                              int32_t *left, int8_t *out, uint8_t *valid)
{
    nn_circular_buffer(p, in, kept, out);
    *left -= 1;
    *valid = (uint8_t)(*left <= 0);
    if (*valid) {
        *left = p->cycles_max;
    }
}
