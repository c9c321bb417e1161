#include "nn_fully_connected_codebook.h"

#include "nn_dsp.h"

/* Both centroids of a pair as half-words, the first one low. */
static uint32_t half_words(int32_t first, int32_t second)
{
    return (uint32_t)(uint16_t)first | (uint32_t)second << 16;
}

/* The weights of pair `at` of a block of 16. */
#define FROM_PAIRS(bits, at)                                                                       \
    (((const uint32_t *)table)[NN_CODEBOOK_FIELD(weights, (at)*2 * (bits), 2 * (bits))])
#define FROM_SINGLES(bits, at)                                                                     \
    half_words(                                                                                    \
        ((const int8_t *)table)[NN_CODEBOOK_FIELD(weights, (at)*2 * (bits), bits)],                \
        ((const int8_t *)table)[NN_CODEBOOK_FIELD(weights, (at)*2 * (bits) + (bits), bits)])

#define FOUR_CHANNELS(bits, from, j, x)                                                            \
    s0 = nn_smlad(from(bits, 4 * (j)), x, s0);                                                     \
    s1 = nn_smlad(from(bits, 4 * (j) + 1), x, s1);                                                 \
    s2 = nn_smlad(from(bits, 4 * (j) + 2), x, s2);                                                 \
    s3 = nn_smlad(from(bits, 4 * (j) + 3), x, s3)

#define ADD(bits, from)                                                                            \
    const uint32_t *nn_fully_connected_codebook_##bits(const int8_t *in, const uint32_t *weights,  \
                                                       int32_t eights, const void *table,          \
                                                       uint32_t sums[4])                           \
    {                                                                                              \
        uint32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];                           \
        for (const int8_t *end = in + 8 * eights; in != end; in += 8, weights += (bits)) {         \
            uint32_t word = nn_load4(in), x = nn_sxtb16(word);                                     \
            FOUR_CHANNELS(bits, from, 0, x);                                                       \
            x = nn_sxtb16_high(word);                                                              \
            FOUR_CHANNELS(bits, from, 1, x);                                                       \
            word = nn_load4(in + 4);                                                               \
            x = nn_sxtb16(word);                                                                   \
            FOUR_CHANNELS(bits, from, 2, x);                                                       \
            x = nn_sxtb16_high(word);                                                              \
            FOUR_CHANNELS(bits, from, 3, x);                                                       \
        }                                                                                          \
        sums[0] = s0;                                                                              \
        sums[1] = s1;                                                                              \
        sums[2] = s2;                                                                              \
        sums[3] = s3;                                                                              \
        return weights;                                                                            \
    }

ADD(2, FROM_PAIRS)
ADD(3, FROM_PAIRS)
ADD(4, FROM_PAIRS)
ADD(5, FROM_SINGLES)
ADD(6, FROM_SINGLES)

static void multiply(const nn_fully_connected_codebook_params *p, const int8_t *in, int8_t *out,
                     const void *table)
{
    int32_t left = p->in_c & 7, eights = p->in_c / 8;
    for (int32_t row = 0; row < p->rows; row++, in += p->in_c, out += p->out_c) {
        const uint32_t *weights = p->weights;
        int8_t rest[8] = {0};
        memcpy(rest, in + 8 * eights, (size_t)left);
        for (int32_t c = 0; c < p->out_c; c += 4) {
            uint32_t sums[4];
            memcpy(sums, p->bias + c, sizeof sums);
            weights = p->add(in, weights, eights, table, sums);
            if (left > 0) {
                weights = p->add(rest, weights, 1, table, sums);
            }
            int32_t codes[4] = {(int32_t)sums[0], (int32_t)sums[1], (int32_t)sums[2],
                                (int32_t)sums[3]};
            nn_store_codes(&p->codes, c, codes, p->out_c - c < 4 ? p->out_c - c : 4, out + c);
        }
    }
}

void nn_fully_connected_s8_codebook(const nn_fully_connected_codebook_params *p, const int8_t *in,
                                    int8_t *out, int8_t *scratch)
{
    uint32_t *pairs = (uint32_t *)(void *)scratch;
    const int8_t *centroids = p->centroids, *end = centroids + (1 << p->bits);
    for (const int8_t *second = centroids; second != end; second++) {
        for (const int8_t *first = centroids; first != end; first++) {
            *pairs++ = half_words(*first, *second);
        }
    }
    multiply(p, in, out, scratch);
}

void nn_fully_connected_s8_codebook_singles(const nn_fully_connected_codebook_params *p,
                                            const int8_t *in, int8_t *out)
{
    multiply(p, in, out, p->centroids);
}
