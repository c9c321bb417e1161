#include "nn_add_mve.h"

#include "nn_fixedpoint.h"

void nn_add_s8_mve(const nn_add_mve_params *p, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    p->kernel(&p->sum, p->swapped ? in2 : in1, p->swapped ? in1 : in2, out, p->count);
    nn_clamp_codes(out, p->count, p->act_min, p->act_max);
}
