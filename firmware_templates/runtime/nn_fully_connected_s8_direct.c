#include "nn_fixedpoint.h"
#include "nn_fully_connected_dsp.h"

void nn_fully_connected_s8_direct(const nn_fully_connected_dsp_params *p, const int8_t *in,
                                  int8_t *out)
{
    for (int32_t row = 0; row < p->rows; row++, in += p->in_c, out += p->out_c) {
        p->kernel(in, p->weights, out, &p->shape);
        nn_clamp_codes(out, p->out_c, p->act_min, p->act_max);
    }
}
