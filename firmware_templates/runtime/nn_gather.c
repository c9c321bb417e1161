#include "nn_gather.h"

#include <string.h>

void nn_gather(const nn_gather_params *p, const void *source, const int32_t *positions,
               void *target)
{
    const uint8_t *in = source;
    uint8_t *out = target;
    for (int32_t batch = 0; batch < p->batches; batch++) {
        for (int32_t part = 0; part < p->outer; part++) {
            for (int32_t i = 0; i < p->count; i++) {
                int32_t at = positions[i];
                at = at < 0 ? 0 : at < p->size ? at : p->size - 1;
                memcpy(out, in + at * p->slice, (size_t)p->slice);
                out += p->slice;
            }
            in += p->size * p->slice;
        }
        positions += p->count;
    }
}
