#include "nn_add_dsp.h"
#include "nn_fixedpoint.h"

void nn_add_s8_tables(const nn_add_tables_params *p, const int8_t *in1, const int8_t *in2,
                      int8_t *out)
{
    p->kernel(&p->sum, in1, in2, out, p->tables);
    nn_add_rest(&p->sum, in1, in2, out, p->tables);
    nn_clamp_codes(out, p->sum.count, p->act_min, p->act_max);
}
