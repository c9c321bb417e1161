#include "nn_gather_nd.h"

#include <string.h>

void nn_gather_nd(const nn_gather_nd_params *p, const void *source, const int32_t *positions,
                  void *target)
{
    const uint8_t *in = source;
    uint8_t *out = target;
    for (int32_t i = 0; i < p->count; i++) {
        int32_t offset = 0;
        for (int32_t d = 0; d < p->depth; d++) {
            int32_t at = *positions++;
            at = at < 0 ? 0 : at < p->size[d] ? at : p->size[d] - 1;
            offset += at * p->step[d];
        }
        memcpy(out, in + offset, (size_t)p->slice);
        out += p->slice;
    }
}
