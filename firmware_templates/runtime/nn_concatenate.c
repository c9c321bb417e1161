#include "nn_concatenate.h"

#include <string.h>

void nn_concatenate(const nn_concatenate_params *p, const void *source, void *target)
{
    const int8_t *in = source;
    int8_t *out = target;
    for (int32_t i = 0; i < p->outer; i++) {
        memcpy(out + p->offset + i * p->stride, in + i * p->chunk, (size_t)p->chunk);
    }
}
