#include "nn_fixedpoint.h"
#include "nn_relu.h"

void nn_relu6_s8(const nn_relu6_params *p, const int8_t *in, int8_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        out[i] = (int8_t)nn_clamp(in[i], p->low, p->high);
    }
}
