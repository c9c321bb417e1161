/*
 * The transforms of nn_fft.h for one type. Before it is included NN_T is the type, NN_PARAMS,
 * NN_RFFT and NN_IRFFT are names of nn_fft.h, and these its arithmetic:
 * NN_ADD, NN_SUB, NN_MINUS  sums, which wrap round
 * NN_MAC(a, b, c, d) a * b + c * d, rounded; NN_MSC(a, b, c, d) the difference; NN_MUL(a, b)
 * NN_SHARE(x, n)     x / n in fixed point, x in float: room for the sum of n numbers
 * NN_HALF(x), NN_HALF_SUM(a, b), NN_HALF_DIFFERENCE(a, b)
 * NN_SCALED(x, n)    x in fixed point, x / n in float
 *
 * All stages work in place on numbers that were put in their order first: numbers whose positions
 * in the input are the same modulo the product of the first radices lie together.
 */
#include <string.h>

#include "nn_fft.h"

typedef struct {
    NN_T r, i;
} nn_complex;

static inline nn_complex add(nn_complex a, nn_complex b)
{
    nn_complex sum = {NN_ADD(a.r, b.r), NN_ADD(a.i, b.i)};
    return sum;
}

static inline nn_complex sub(nn_complex a, nn_complex b)
{
    nn_complex difference = {NN_SUB(a.r, b.r), NN_SUB(a.i, b.i)};
    return difference;
}

static inline nn_complex mul(nn_complex a, nn_complex b)
{
    nn_complex product = {NN_MSC(a.r, b.r, a.i, b.i), NN_MAC(a.r, b.i, a.i, b.r)};
    return product;
}

static inline nn_complex times(nn_complex a, NN_T real)
{
    nn_complex product = {NN_MUL(a.r, real), NN_MUL(a.i, real)};
    return product;
}

static inline nn_complex share(nn_complex a, int32_t n)
{
    nn_complex part = {NN_SHARE(a.r, n), NN_SHARE(a.i, n)};
    return part;
}

static inline nn_complex conjugate(nn_complex a)
{
    nn_complex mirrored = {a.r, NN_MINUS(a.i)};
    return mirrored;
}

/* a / j */
static inline nn_complex quarter_turn(nn_complex a)
{
    nn_complex turned = {a.i, NN_MINUS(a.r)};
    return turned;
}

static void of_two(nn_complex *x, const nn_complex *roots, int32_t step, int32_t inner)
{
    for (int32_t k = 0; k < inner; k++) {
        nn_complex a = share(x[k], 2);
        nn_complex b = mul(share(x[k + inner], 2), roots[k * step]);
        x[k] = add(a, b);
        x[k + inner] = sub(a, b);
    }
}

static void of_four(nn_complex *x, const nn_complex *roots, int32_t step, int32_t inner,
                    int32_t inverse)
{
    nn_complex *one = x + (inverse ? 3 : 1) * inner, *three = x + (inverse ? 1 : 3) * inner;
    for (int32_t k = 0; k < inner; k++) {
        nn_complex a = share(x[k], 4);
        nn_complex b = mul(share(x[k + inner], 4), roots[k * step]);
        nn_complex c = mul(share(x[k + 2 * inner], 4), roots[2 * k * step]);
        nn_complex d = mul(share(x[k + 3 * inner], 4), roots[3 * k * step]);
        nn_complex even = add(a, c), across = sub(a, c);
        nn_complex odd = add(b, d), turned = quarter_turn(sub(b, d));
        x[k] = add(even, odd);
        x[k + 2 * inner] = sub(even, odd);
        one[k] = add(across, turned);
        three[k] = sub(across, turned);
    }
}

static void of_three(nn_complex *x, const nn_complex *roots, int32_t step, int32_t inner)
{
    const NN_T height = roots[step * inner].i;
    for (int32_t k = 0; k < inner; k++) {
        nn_complex a = share(x[k], 3);
        nn_complex b = mul(share(x[k + inner], 3), roots[k * step]);
        nn_complex c = mul(share(x[k + 2 * inner], 3), roots[2 * k * step]);
        nn_complex both = add(b, c), turned = quarter_turn(times(sub(b, c), height));
        nn_complex half = {NN_HALF(both.r), NN_HALF(both.i)};
        nn_complex middle = sub(a, half);
        x[k] = add(a, both);
        x[k + inner] = sub(middle, turned);
        x[k + 2 * inner] = add(middle, turned);
    }
}

static void of_five(nn_complex *x, const nn_complex *roots, int32_t step, int32_t inner)
{
    const nn_complex first = roots[step * inner], second = roots[2 * step * inner];
    for (int32_t k = 0; k < inner; k++) {
        nn_complex a = share(x[k], 5);
        nn_complex b = mul(share(x[k + inner], 5), roots[k * step]);
        nn_complex c = mul(share(x[k + 2 * inner], 5), roots[2 * k * step]);
        nn_complex d = mul(share(x[k + 3 * inner], 5), roots[3 * k * step]);
        nn_complex e = mul(share(x[k + 4 * inner], 5), roots[4 * k * step]);
        nn_complex outer = add(b, e), near = add(c, d);
        nn_complex outer_across = sub(b, e), near_across = sub(c, d);
        nn_complex start = add(add(a, times(outer, first.r)), times(near, second.r));
        nn_complex s = times(outer_across, first.i), t = times(near_across, second.i);
        nn_complex turned = {NN_ADD(s.i, t.i), NN_SUB(NN_MINUS(s.r), t.r)};
        x[k + inner] = sub(start, turned);
        x[k + 4 * inner] = add(start, turned);
        start = add(add(a, times(outer, second.r)), times(near, first.r));
        s = times(outer_across, second.i);
        t = times(near_across, first.i);
        turned.r = NN_ADD(NN_MINUS(s.i), t.i);
        turned.i = NN_SUB(s.r, t.r);
        x[k + 2 * inner] = add(start, turned);
        x[k + 3 * inner] = sub(start, turned);
        x[k] = add(a, add(outer, near));
    }
}

static void transform(const NN_PARAMS *p, nn_complex *x, int32_t inverse)
{
    const nn_complex *roots = (const nn_complex *)(const void *)p->roots;
    int32_t inner = 1;
    for (int32_t stage = p->stages - 1; stage >= 0; stage--) {
        const int32_t radix = p->radices[stage], size = radix * inner, step = p->count / size;
        for (int32_t start = 0; start < p->count; start += size) {
            if (radix == 4) {
                of_four(x + start, roots, step, inner, inverse);
            } else if (radix == 2) {
                of_two(x + start, roots, step, inner);
            } else if (radix == 3) {
                of_three(x + start, roots, step, inner);
            } else {
                of_five(x + start, roots, step, inner);
            }
        }
        inner = size;
    }
}

/* The complex numbers of the first `size` parts of in, zeros behind them, in the stages' order. */
static void in_order(const NN_PARAMS *p, const NN_T *in, int32_t size, nn_complex *out)
{
    int32_t digits[NN_FFT_STAGES] = {0}, at = 0;
    for (int32_t k = 0; k < p->count; k++) {
        nn_complex x = {0, 0};
        if (2 * at < size) {
            x.r = in[2 * at];
        }
        if (2 * at + 1 < size) {
            x.i = in[2 * at + 1];
        }
        out[k] = x;
        /* the last digit moves first, and farthest in the input */
        int32_t step = p->count;
        for (int32_t stage = p->stages - 1; stage >= 0; stage--) {
            const int32_t radix = p->radices[stage];
            step /= radix;
            at += step;
            if (++digits[stage] < radix) {
                break;
            }
            digits[stage] = 0;
            at -= radix * step;
        }
    }
}

void NN_RFFT(const NN_PARAMS *p, const NN_T *in, NN_T *out)
{
    const nn_complex *turns = (const nn_complex *)(const void *)p->turns;
    const int32_t count = p->count;
    for (int32_t row = 0; row < p->rows; row++) {
        nn_complex *x = (nn_complex *)(void *)out;
        in_order(p, in, p->in_size, x);
        transform(p, x, 0);
        nn_complex first = share(x[0], 2);
        x[0].r = NN_ADD(first.r, first.i);
        x[0].i = 0;
        x[count].r = NN_SUB(first.r, first.i);
        x[count].i = 0;
        for (int32_t k = 1; k <= count / 2; k++) {
            nn_complex a = share(x[k], 2), b = share(conjugate(x[count - k]), 2);
            nn_complex even = add(a, b), odd = mul(sub(a, b), turns[k - 1]);
            x[k].r = NN_HALF_SUM(even.r, odd.r);
            x[k].i = NN_HALF_SUM(even.i, odd.i);
            x[count - k].r = NN_HALF_DIFFERENCE(even.r, odd.r);
            x[count - k].i = NN_HALF_DIFFERENCE(odd.i, even.i);
        }
        in += p->in_size;
        out += 2 * (count + 1);
    }
}

void NN_IRFFT(const NN_PARAMS *p, const NN_T *in, NN_T *out, int8_t *scratch)
{
    const nn_complex *turns = (const nn_complex *)(const void *)p->turns;
    nn_complex *z = (nn_complex *)(void *)scratch;
    const int32_t count = p->count;
    for (int32_t row = 0; row < p->rows; row++) {
        const nn_complex *x = (const nn_complex *)(const void *)in;
        z[0].r = NN_ADD(x[0].r, x[count].r);
        z[0].i = NN_SUB(x[0].r, x[count].r);
        z[0] = share(z[0], 2);
        for (int32_t k = 1; k <= count / 2; k++) {
            nn_complex a = share(x[k], 2), b = share(conjugate(x[count - k]), 2);
            nn_complex even = add(a, b), odd = mul(sub(a, b), turns[k - 1]);
            z[k] = add(even, odd);
            z[count - k] = conjugate(sub(even, odd));
        }
        in_order(p, &z[0].r, 2 * count, (nn_complex *)(void *)out);
        transform(p, (nn_complex *)(void *)out, 1);
        for (int32_t k = 0; k < 2 * count; k++) {
            out[k] = NN_SCALED(out[k], 2 * count);
        }
        in += 2 * (count + 1);
        out += 2 * count;
    }
}
