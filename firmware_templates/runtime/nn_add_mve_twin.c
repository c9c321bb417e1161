/* The portable twin of nn_add_s8_mve_sum.S. */
#include "nn_add_mve.h"
#include "nn_requantize_mve.h"

void nn_add_s8_mve_sum(const nn_add_mve *p, const int8_t *large, const int8_t *small, int8_t *out,
                       int32_t count)
{
    int32_t shift = p->out_shift - 24, right = -shift;
    int32_t zero_point = (p->rounding - ((int32_t)1 << (right - 1))) / ((int32_t)1 << right);
    for (int32_t i = 0; i < count; i++) {
        int32_t second = nn_shift_left(small[i], p->left) + p->offset;
        int32_t sum = nn_shift_left(large[i], 19) + p->large_offset +
                      nn_requantize(second, p->multiplier, p->shift);
        out[i] = nn_code_of_sum(sum, p->out_multiplier, shift, zero_point);
    }
}

/* With a zero point of -128 the sign's correction cannot show: the assembly leaves it out. */
void nn_add_s8_mve_sum_relu(const nn_add_mve *p, const int8_t *large, const int8_t *small,
                            int8_t *out, int32_t count)
{
    nn_add_s8_mve_sum(p, large, small, out, count);
}
