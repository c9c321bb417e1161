#include "nn_resize_nearest.h"

#include <string.h>

void nn_resize_nearest(const nn_resize_nearest_params *p, const void *source, void *target)
{
    const uint8_t *in = source;
    uint8_t *out = target;
    for (int32_t batch = 0; batch < p->batches; batch++) {
        for (int32_t y = 0; y < p->height; y++) {
            const uint8_t *row = in + p->rows[y];
            for (int32_t x = 0; x < p->width; x++) {
                memcpy(out, row + p->columns[x], (size_t)p->size);
                out += p->size;
            }
        }
        in += p->in_bytes;
    }
}
