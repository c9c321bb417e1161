#include "nn_conv2d_xnor.h"

#include "nn_fixedpoint.h"
#include "nn_port.h"

#include <string.h>

#define ONES 0x01010101u

/* From here on the compiler knows nothing of a register's value, so that it does not make a
 * constant of it that fits no instruction, nor another register that follows it. */
#if defined(__thumb2__)
#define NN_OPAQUE(x) __asm("" : "+r"(x))
#else
#define NN_OPAQUE(x) ((void)(x))
#endif

/* The signs of eight codes in the highest byte, the last in bit 31: no two products of the factor's
 * four bits meet in one. */
static inline uint32_t eight_bits(const int8_t *in)
{
    uint32_t low, high, factor = 0x01020408u;
    memcpy(&low, in, sizeof low);
    memcpy(&high, in + 4, sizeof high);
    NN_OPAQUE(factor);
    return ((low >> 7 & ONES) | (high >> 7 & ONES) << 4) * factor;
}

/* The bits of a row of the image, and of what is left and right of it. */
static uint32_t *pack_row(const nn_conv2d_xnor_params *p, const int8_t *in, uint32_t *to)
{
    uint32_t *end = to + p->row_words;
    for (int32_t i = 0; i < p->lead; i++) {
        *to++ = p->fill;
    }
    int32_t left = p->row_codes;
    for (; left >= 32; left -= 32) {
        uint32_t word = eight_bits(in) >> 24;
        word |= eight_bits(in + 8) >> 24 << 8;
        word |= eight_bits(in + 16) >> 24 << 16;
        word |= eight_bits(in + 24) >> 24 << 24;
        in += 32;
        *to++ = word;
    }
    if (left > 0) {
        uint32_t word = p->fill << left;
        for (int32_t i = 0; i < left; i++) {
            word |= (uint32_t)(in[i] < 0) << i;
        }
        *to++ = word;
    }
    while (to != end) {
        *to++ = p->fill;
    }
    return end;
}

/* The bits of the window whose first row is y, from bit `first` of its rows on. */
static NN_NOINLINE void gather(const nn_conv2d_xnor_params *p, const uint32_t *image, int32_t y,
                               int32_t first, uint32_t *to)
{
    uint32_t word = 0;
    int32_t filled = 0;
    for (int32_t ky = 0; ky < p->kernel_h; ky++, y += p->dilation_h) {
        int32_t row = y < 0 || y >= p->in_h ? p->in_h : y;
        for (int32_t i = 0; i < p->runs; i++) {
            int32_t at = first + i * p->run_step, shift = at & 31;
            const uint32_t *from = image + row * p->row_words + (at >> 5);
            for (int32_t left = p->run_bits; left > 0; left -= 32, from++) {
                uint32_t bits = from[0] >> shift | from[1] << 1 << (31 - shift);
                int32_t count = 32;
                if (left < 32) {
                    bits &= ((uint32_t)1 << left) - 1u;
                    count = left;
                }
                word |= bits << filled;
                if (filled + count >= 32) {
                    *to++ = word;
                    word = bits >> 1 >> (31 - filled);
                    filled -= 32;
                }
                filled += count;
            }
        }
    }
    if (filled > 0) {
        *to = word;
    }
}

/* What the compiler must keep in registers: as immediates they cannot be combined with shifts. */
typedef struct {
    uint32_t ones, twos, fours; /* alternating bits, pairs and nibbles */
} masks;

/* How many bits of each nibble differ. */
static inline uint32_t in_nibbles(const masks *m, uint32_t a, uint32_t b)
{
    uint32_t x = a ^ b;
    x -= m->ones & x >> 1;
    return (x & m->twos) + (m->twos & x >> 2);
}

/* The sum of all nibbles, which may be up to 15. */
static inline uint32_t sum_of_nibbles(const masks *m, uint32_t x)
{
    x = (x & m->fours) + (m->fours & x >> 4);
    return (x * ONES) >> 24;
}

/* x * multiplier * 2^(shift - 31), rounded twice as nn_requantize does, for |x| << shift < 2^30. */
static inline int32_t requantize(int32_t x, int32_t multiplier, int32_t shift)
{
    int32_t left = shift & ~(shift >> 31), right = left - shift;
    int32_t high = nn_rounding_high_mul_of_double(nn_shift_left(x, left), multiplier);
    return (high + (((1 << right) + (high >> 31)) >> 1)) >> right;
}

/* How many bits of a window differ from those of each of the channels, of which the last one's
 * number ends at `end`. The window's words are triples up to `last` and `rest` more. */
static inline void compare(const uint32_t *window, const uint32_t *last, int32_t rest,
                           const uint32_t *weights, uint32_t *differences, const uint32_t *end)
{
    masks m = {0x55555555u, 0x33333333u, 0x0F0F0F0Fu};
    NN_OPAQUE(m.ones);
    NN_OPAQUE(m.twos);
    NN_OPAQUE(m.fours);
    while (differences != end) {
        uint32_t total = 0, x;
        const uint32_t *at = window;
        while (at != last) {
            x = in_nibbles(&m, at[0], weights[0]);
            x += in_nibbles(&m, at[1], weights[1]);
            x += in_nibbles(&m, at[2], weights[2]);
            total += sum_of_nibbles(&m, x);
            at += 3;
            weights += 3;
            NN_OPAQUE(at);
            NN_OPAQUE(weights);
        }
        if (rest > 0) {
            x = in_nibbles(&m, last[0], *weights++);
            if (rest > 1) {
                x += in_nibbles(&m, last[1], *weights++);
            }
            total += sum_of_nibbles(&m, x);
        }
        *differences++ = total;
    }
}

#define COMPARE(rest)                                                                              \
    static NN_NOINLINE void compare_##rest(const uint32_t *window, const uint32_t *last,           \
                                           const uint32_t *weights, uint32_t *differences,         \
                                           const uint32_t *end)                                    \
    {                                                                                              \
        compare(window, last, rest, weights, differences, end);                                    \
    }
COMPARE(0)
COMPARE(1)
COMPARE(2)

/* The codes of all channels of a pixel. */
static NN_NOINLINE void store(const nn_conv2d_xnor_params *p, const uint32_t *differences,
                              int8_t *out)
{
    const int32_t *numbers = p->numbers;
    const int8_t *shift = p->shift;
    int32_t unit = p->unit, zero_point = p->out_zero_point, low = p->act_min, high = p->act_max;
    for (const int8_t *end = out + p->out_c; out != end; numbers += 2) {
        int32_t sum = numbers[0] - unit * (int32_t)*differences++;
        int32_t code = requantize(sum, numbers[1], *shift++) + zero_point;
        *out++ = (int8_t)nn_clamp(code, low, high);
    }
}

void nn_conv2d_s8_xnor(const nn_conv2d_xnor_params *p, const int8_t *in, int8_t *out,
                       int8_t *scratch)
{
    uint32_t *image = (uint32_t *)(void *)scratch, *outside = image;
    for (int32_t y = 0; y < p->in_h; y++, in += p->row_codes) {
        outside = pack_row(p, in, outside);
    }
    uint32_t *gathered = outside;
    for (int32_t i = 0; i < p->row_words; i++) {
        *gathered++ = p->fill;
    }
    uint32_t *differences = gathered + p->words;
    int32_t rest = p->words % 3;
    void (*compare_all)(const uint32_t *, const uint32_t *, const uint32_t *, uint32_t *,
                        const uint32_t *) = rest == 0   ? compare_0
                                            : rest == 1 ? compare_1
                                                        : compare_2;
    for (int32_t oy = 0; oy < p->out_h; oy++) {
        int32_t y = oy * p->stride_h - p->pad_top, first = p->first;
        for (int32_t ox = 0; ox < p->out_w; ox++, first += p->step, out += p->out_c) {
            const uint32_t *window = gathered;
            if (p->gathered) {
                gather(p, image, y, first, gathered);
            } else {
                window = image + y * p->row_words + (first >> 5);
            }
            compare_all(window, window + p->words - rest, p->weights, differences,
                        differences + p->out_c);
            store(p, differences, out);
        }
    }
}
