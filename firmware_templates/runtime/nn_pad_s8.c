#include "nn_pad.h"

#include <string.h>

void nn_pad_s8(const nn_pad_params *p, const void *source, void *target)
{
    const int8_t *in = source;
    int8_t *out = target;
    const int32_t *d = p->in_dims, *o = p->out_dims, *b = p->before;
    memset(out, p->fill, (size_t)(o[0] * o[1] * o[2] * o[3]));
    for (int32_t i = 0; i < d[0]; i++) {
        for (int32_t j = 0; j < d[1]; j++) {
            for (int32_t k = 0; k < d[2]; k++) {
                int32_t row = ((i + b[0]) * o[1] + j + b[1]) * o[2] + k + b[2];
                memcpy(out + row * o[3] + b[3], in, (size_t)d[3]);
                in += d[3];
            }
        }
    }
}
