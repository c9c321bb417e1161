/* The portable twin of nn_add_fours_dsp.S. */
#include "nn_add_dsp.h"
#include "nn_dsp.h"

void nn_add_fours(const nn_add_sum *sum, const int8_t *in1, const int8_t *in2, int8_t *out,
                  const int32_t *tables)
{
    for (int32_t i = 0; i < sum->count - sum->count % 4; i++) {
        int32_t doubled = tables[(uint8_t)in1[i]] + tables[sum->second + (uint8_t)in2[i]];
        out[i] = nn_requantize_doubled(doubled, sum->multiplier, sum->rounding, sum->shift);
    }
}

/* With a zero point of -128 the sign's correction cannot show: the assembly leaves it out. */
void nn_add_fours_relu(const nn_add_sum *sum, const int8_t *in1, const int8_t *in2, int8_t *out,
                       const int32_t *tables)
{
    nn_add_fours(sum, in1, in2, out, tables);
}
