#include "nn_softmax_s16.h"

#include "nn_fixedpoint.h"

/* Between two entries of a table for the int16 codes, linearly. */
static int32_t look_up(const int16_t *table, int32_t x)
{
    int32_t code = nn_clamp(x, INT16_MIN, INT16_MAX), index = 256 + (code >> 7);
    int32_t slope = table[index + 1] - table[index];
    return (int16_t)(table[index] + ((slope * (code & 127) + 64) >> 7));
}

/* How often a positive number can be doubled within 32 bits without sign. */
static int32_t leading_zeros(uint32_t x)
{
    int32_t zeros = 0;
    for (; x < 0x80000000u; x <<= 1) {
        zeros++;
    }
    return zeros;
}

void nn_softmax_s16(const nn_softmax_s16_params *p, const int16_t *in, int16_t *out)
{
    for (int32_t row = 0; row < p->rows; row++, in += p->columns, out += p->columns) {
        int32_t highest = INT16_MIN, sum = 0;
        for (int32_t c = 0; c < p->columns; c++) {
            highest = in[c] > highest ? in[c] : highest;
        }
        for (int32_t c = 0; c < p->columns; c++) {
            int32_t scaled = nn_requantize(in[c] - highest, p->multiplier, p->shift);
            out[c] = (int16_t)look_up(p->exps, scaled + INT16_MAX);
            sum += out[c];
        }
        int32_t zeros = leading_zeros((uint32_t)sum), shift = 31 - zeros;
        int32_t normal = (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14);
        int32_t reciprocal = look_up(p->reciprocals, normal - (1 << 15) - (1 << 16));
        for (int32_t c = 0; c < p->columns; c++) {
            int32_t product = out[c] * reciprocal;
            out[c] = (int16_t)nn_clamp((product + (1 << (shift - 1))) >> shift, 0, INT16_MAX);
        }
    }
}
