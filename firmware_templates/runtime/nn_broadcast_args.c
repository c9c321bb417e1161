#include "nn_broadcast_args.h"

void nn_broadcast_args(const nn_broadcast_args_params *p, const int32_t *in1, const int32_t *in2,
                       int32_t *out)
{
    for (int32_t i = 1; i <= p->out_size; i++) {
        int32_t first = i <= p->size1 ? in1[p->size1 - i] : 1;
        int32_t second = i <= p->size2 ? in2[p->size2 - i] : 1;
        out[p->out_size - i] = first == 1 ? second : first;
    }
}
