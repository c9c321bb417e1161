#include "nn_signal_filter_bank.h"

#include <string.h>

#include "nn_fixedpoint.h"

#define NN_SNR_BITS  12
#define NN_PCAN_BITS 6
#define NN_LN2       45426u /* of 2^16 */

/* How many bits x > 0 has. */
static int32_t bits_of(uint32_t x)
{
    int32_t bits = 1;
    for (int32_t step = 16; step > 0; step /= 2) {
        if (x >> step) {
            x >>= step;
            bits += step;
        }
    }
    return bits;
}

void nn_filter_bank(const nn_filter_bank_params *p, const uint32_t *in, void *out)
{
    uint8_t *sums = out;
    uint64_t carried = 0;
    for (int32_t channel = 0; channel <= p->channels; channel++) {
        const uint32_t *energies = in + p->starts[channel];
        const int16_t *weights = p->weights + p->places[channel];
        const int16_t *left_over = p->left_over + p->places[channel];
        uint64_t sum = carried;
        carried = 0;
        for (int32_t i = 0; i < p->widths[channel]; i++) {
            const int64_t energy = energies[i];
            sum += (uint64_t)(weights[i] * energy);
            carried += (uint64_t)(left_over[i] * energy);
        }
        if (channel > 0) {
            memcpy(sums, &sum, sizeof sum);
            sums += sizeof sum;
        }
    }
}

/* sqrt(x) rounded down, bit by bit; *rest is what x has more than its square. */
static uint32_t root_of(uint32_t x, uint32_t *rest)
{
    uint32_t root = 0;
    for (uint32_t bit = (uint32_t)1 << 30; bit > 0; bit >>= 2) {
        if (x >= root + bit) {
            x -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    *rest = x;
    return root;
}

/* Of a number above 2^32, shifted to the left by an even count of bits, so that the root of its
 * high word has 16 bits: the other 16 are the rest divided by twice that, or one less. */
static uint32_t rounded_wide_root(uint64_t x)
{
    const int32_t spare = (32 - bits_of((uint32_t)(x >> 32))) & ~1;
    const uint64_t wide = x << spare;
    uint32_t rest;
    const uint32_t high = root_of((uint32_t)(wide >> 32), &rest);
    const uint32_t low = (rest << 15 | (uint32_t)wide >> 17) / high;
    uint64_t root = ((uint64_t)high << 16) + low;
    root = (root > UINT32_MAX ? UINT32_MAX : root) >> (spare / 2);
    if (root * root > x) {
        root--;
    }
    return (uint32_t)root + (x - root * root > root && root != UINT32_MAX ? 1u : 0u);
}

static uint32_t rounded_root(uint64_t x)
{
    if (x >> 32 != 0) {
        return rounded_wide_root(x);
    }
    uint32_t rest;
    const uint32_t root = root_of((uint32_t)x, &rest);
    return root + (rest > root && root != UINT16_MAX ? 1u : 0u);
}

void nn_filter_bank_square_root(const nn_filter_bank_square_root_params *p, const void *in,
                                const int32_t *bits, uint32_t *out)
{
    const uint8_t *sums = in;
    for (int32_t i = 0; i < p->channels; i++) {
        uint64_t sum;
        memcpy(&sum, sums, sizeof sum);
        sums += sizeof sum;
        out[i] = rounded_root(sum) >> (*bits & 31);
    }
}

/* log2(x) of 2^16, for x > 0. */
static uint32_t log2_of(uint32_t x, const uint16_t *table)
{
    const int32_t highest = bits_of(x) - 1;
    const uint32_t above = x - ((uint32_t)1 << highest);
    const int32_t fraction =
        (int32_t)(highest < 16 ? above << (16 - highest) : above >> (highest - 16));
    const int32_t segment = fraction >> 9, first = table[segment];
    const int32_t rise = (table[segment + 1] - first) * (fraction & 511) >> 16;
    return ((uint32_t)highest << 16) + (uint32_t)(fraction + first + rise);
}

void nn_filter_bank_log(const nn_filter_bank_log_params *p, const uint32_t *in, int16_t *out)
{
    for (int32_t i = 0; i < p->channels; i++) {
        const uint32_t x = in[i] << p->correction_bits;
        uint32_t scaled = 0;
        if (x > 1) {
            const uint64_t product = (uint64_t)NN_LN2 * log2_of(x, p->table);
            const uint32_t natural = (uint32_t)((product + (1u << 15)) >> 16);
            scaled = ((uint32_t)p->scale * natural + (1u << 15)) >> 16;
        }
        out[i] = (int16_t)(scaled < INT16_MAX ? scaled : INT16_MAX);
    }
}

static int16_t gain_of(uint32_t noise, const int16_t *gains)
{
    if (noise <= 2) {
        return gains[noise];
    }
    const int32_t bits = bits_of(noise);
    const int16_t *c = gains + 4 * bits - 6;
    const int32_t behind =
        (int32_t)((bits < 11 ? noise << (11 - bits) : noise >> (bits - 11)) & 0x3FFu);
    const int32_t rise = (c[2] * behind >> 5) + c[1] * 32;
    return (int16_t)(((rise * behind + (1 << 14)) >> 15) + c[0]);
}

static uint32_t shrunk(uint32_t snr)
{
    if (snr < 2u << NN_SNR_BITS) {
        return snr * snr >> (2 + 2 * NN_SNR_BITS - NN_PCAN_BITS);
    }
    return (snr >> (NN_SNR_BITS - NN_PCAN_BITS)) - (1u << NN_PCAN_BITS);
}

void nn_pcan(const nn_pcan_params *p, const uint32_t *in, const uint32_t *noise,
             const int16_t *gains, uint32_t *out)
{
    for (int32_t i = 0; i < p->channels; i++) {
        /* a negative gain counts as an unsigned one, as in TFLM */
        const uint32_t gain = (uint32_t)gain_of(noise[i], gains);
        out[i] = shrunk((uint32_t)((uint64_t)in[i] * gain >> p->snr_shift));
    }
}
