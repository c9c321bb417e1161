#include "nn_update_slice.h"

#include <string.h>

void nn_update_slice(const nn_update_slice_params *p, const void *source, const void *update,
                     const int32_t *begin, void *target)
{
    int32_t step[NN_UPDATE_SLICE_DIMS], turn[NN_UPDATE_SLICE_DIMS] = {0};
    int32_t at = 0, bytes = p->item;
    for (int32_t d = p->dims - 1; d >= 0; d--) {
        const int32_t room = p->size[d] - p->part[d];
        step[d] = bytes;
        at += (begin[d] < 0 ? 0 : begin[d] < room ? begin[d] : room) * bytes;
        bytes *= p->size[d];
    }
    if (target != source) {
        memcpy(target, source, (size_t)p->bytes);
    }
    const int32_t last = p->dims - 1, line = p->part[last] * p->item;
    const uint8_t *in = update;
    int32_t d;
    do {
        memcpy((uint8_t *)target + at, in, (size_t)line);
        in += line;
        for (d = last - 1; d >= 0; d--) {
            at += step[d];
            if (++turn[d] < p->part[d]) {
                break;
            }
            at -= p->part[d] * step[d];
            turn[d] = 0;
        }
    } while (d >= 0);
}
