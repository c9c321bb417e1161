/*
 * nn_rfft_s16 of lengths that are powers of two, each complex number in a register. The arithmetic
 * is that of nn_fft_loops.h. Numbers that were divided to make room are at most 16383 in size: the
 * root 1, which is 32767 here, leaves them as they are, so the first stage multiplies by no roots.
 */
#include <string.h>

#include "nn_dsp_pairs.h"
#include "nn_fft.h"

#define NN_HALF_UNIT (1 << 14)

static inline uint32_t load(const int16_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline void store(int16_t *p, uint32_t word)
{
    memcpy(p, &word, sizeof word);
}

static inline uint32_t share(uint32_t x, int32_t factor)
{
    return nn_pair_of_products(nn_low(x) * factor + NN_HALF_UNIT,
                               nn_high(x) * factor + NN_HALF_UNIT);
}

static inline uint32_t mul(uint32_t x, uint32_t y)
{
    return nn_pair_of_products(nn_pair_real(x, y, NN_HALF_UNIT),
                               nn_pair_imaginary(x, y, NN_HALF_UNIT));
}

static inline uint32_t conjugate(uint32_t x)
{
    return (x & 0xffffu) | (0u - (x & 0xffff0000u));
}

/* x[0], x[n], x[2 * n] and x[3 * n] in units of complex numbers. */
static inline void put_four(int16_t *x, int32_t n, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const uint32_t even = nn_pair_add(a, c), across = nn_pair_sub(a, c);
    const uint32_t odd = nn_pair_add(b, d), difference = nn_pair_sub(b, d);
    store(x, nn_pair_add(even, odd));
    store(x + 2 * n, nn_pair_sub_j(across, difference));
    store(x + 4 * n, nn_pair_sub(even, odd));
    store(x + 6 * n, nn_pair_add_j(across, difference));
}

static void of_four(int16_t *x, const int16_t *roots, int32_t step, int32_t inner)
{
    const int16_t *first = roots, *second = roots, *third = roots;
    const int32_t quarter = INT16_MAX / 4;
    for (int32_t k = 0; k < inner; k++) {
        const uint32_t b = mul(share(load(x + 2 * inner), quarter), load(first));
        const uint32_t c = mul(share(load(x + 4 * inner), quarter), load(second));
        const uint32_t d = mul(share(load(x + 6 * inner), quarter), load(third));
        put_four(x, inner, share(load(x), quarter), b, c, d);
        x += 2;
        first += 2 * step;
        second += 4 * step;
        third += 6 * step;
    }
}

static void of_two(int16_t *x, const int16_t *roots, int32_t step, int32_t inner)
{
    for (int32_t k = 0; k < inner; k++) {
        const uint32_t a = share(load(x), INT16_MAX / 2);
        const uint32_t b = mul(share(load(x + 2 * inner), INT16_MAX / 2), load(roots));
        store(x, nn_pair_add(a, b));
        store(x + 2 * inner, nn_pair_sub(a, b));
        x += 2;
        roots += 2 * step;
    }
}

/* Where a transform of the next numbers begins: the last digit moves first, and farthest. */
typedef struct {
    int32_t digits[NN_FFT_STAGES], at;
} nn_order;

static inline void advance(const nn_fft_s16_params *p, nn_order *order, int32_t step)
{
    for (int32_t stage = p->stages - 2; stage >= 0; stage--) {
        const int32_t radix = p->radices[stage];
        step >>= radix == 4 ? 2 : 1;
        order->at += step;
        if (++order->digits[stage] < radix) {
            break;
        }
        order->digits[stage] = 0;
        order->at -= radix * step;
    }
}

/* Number `at` of the input, zero behind its end, divided to make room. */
static inline uint32_t number(const int16_t *in, int32_t size, int32_t at, int32_t factor)
{
    if (2 * at + 1 < size) {
        return share(load(in + 2 * at), factor);
    }
    return 2 * at < size ? share((uint16_t)in[2 * at], factor) : 0u;
}

/* The first stage, from the input in the order of the stages. */
static void first_stage(const nn_fft_s16_params *p, const int16_t *in, int16_t *out)
{
    const int32_t radix = p->radices[p->stages - 1], step = p->count / radix, size = p->in_size;
    const int32_t factor = radix == 4 ? INT16_MAX / 4 : INT16_MAX / 2;
    nn_order order = {{0}, 0};
    for (int32_t k = 0; k < p->count; k += radix) {
        const uint32_t a = number(in, size, order.at, factor);
        const uint32_t b = number(in, size, order.at + step, factor);
        if (radix == 4) {
            const uint32_t c = number(in, size, order.at + 2 * step, factor);
            put_four(out, 1, a, b, c, number(in, size, order.at + 3 * step, factor));
        } else {
            store(out, nn_pair_add(a, b));
            store(out + 2, nn_pair_sub(a, b));
        }
        out += 2 * radix;
        advance(p, &order, step);
    }
}

static void other_stages(const nn_fft_s16_params *p, int16_t *x)
{
    int32_t inner = p->radices[p->stages - 1];
    for (int32_t stage = p->stages - 2; stage >= 0; stage--) {
        const int32_t radix = p->radices[stage], size = radix * inner, step = p->count / size;
        for (int32_t start = 0; start < p->count; start += size) {
            if (radix == 4) {
                of_four(x + 2 * start, p->roots, step, inner);
            } else {
                of_two(x + 2 * start, p->roots, step, inner);
            }
        }
        inner = size;
    }
}

void nn_rfft_s16_dsp(const nn_fft_s16_params *p, const int16_t *in, int16_t *out)
{
    const int32_t count = p->count, half = INT16_MAX / 2;
    for (int32_t row = 0; row < p->rows; row++) {
        first_stage(p, in, out);
        other_stages(p, out);
        const uint32_t first = share(load(out), half);
        store(out, (uint16_t)(nn_low(first) + nn_high(first)));
        store(out + 2 * count, (uint16_t)(nn_low(first) - nn_high(first)));
        int16_t *low = out + 2, *high = out + 2 * (count - 1);
        for (const int16_t *turn = p->turns; low <= high; turn += 2) {
            const uint32_t a = share(load(low), half), b = share(conjugate(load(high)), half);
            const uint32_t even = nn_pair_add(a, b), odd = mul(nn_pair_sub(a, b), load(turn));
            store(low, nn_pair_half_sum(even, odd));
            store(high, nn_pair_of(nn_pair_half_difference(even, odd),
                                   nn_pair_half_difference(odd, even)));
            low += 2;
            high -= 2;
        }
        in += p->in_size;
        out += 2 * (count + 1);
    }
}
