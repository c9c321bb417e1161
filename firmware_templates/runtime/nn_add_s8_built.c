#include "nn_add_dsp.h"
#include "nn_fixedpoint.h"

void nn_add_s8_built(const nn_add_built_params *p, const int8_t *in1, const int8_t *in2,
                     int8_t *out, int8_t *scratch)
{
    int32_t *tables = (int32_t *)(void *)scratch;
    nn_add_input first = p->first, second = p->second;
    for (int32_t i = 0; i < 256; i++) {
        tables[i] = 2 * nn_add_rescale(&first, (int8_t)i);
        tables[256 + i] = 2 * nn_add_rescale(&second, (int8_t)i);
    }
    p->kernel(&p->sum, in1, in2, out, tables);
    nn_add_rest(&p->sum, in1, in2, out, tables);
    nn_clamp_codes(out, p->sum.count, p->act_min, p->act_max);
}
