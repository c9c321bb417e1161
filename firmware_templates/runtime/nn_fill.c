#include "nn_fill.h"

#include <string.h>

void nn_fill(const nn_fill_params *p, void *target)
{
    uint8_t *out = target;
    if (p->size == 1) {
        memset(out, (int)(p->value & 0xFFu), (size_t)p->count);
        return;
    }
    for (int32_t i = 0; i < p->count; i++) {
        for (int32_t byte = 0; byte < p->size; byte++) {
            *out++ = (uint8_t)(p->value >> 8 * byte);
        }
    }
}
