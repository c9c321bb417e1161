/* The portable twin of nn_fully_connected_1x8_dsp.S. */
#include "nn_fully_connected_dsp.h"

/* Pair k of a row of int16, or of int8 in the order of SXTB16. */
static uint32_t pair(const void *x, int32_t k, int direct)
{
    if (!direct) {
        return ((const uint32_t *)x)[k];
    }
    uint32_t word = nn_load4((const int8_t *)x + 2 * (k & ~1));
    return k & 1 ? nn_sxtb16_high(word) : nn_sxtb16(word);
}

static const uint32_t *groups_of_eight(const void *x, const uint32_t *weights, int8_t *out,
                                       const nn_fully_connected_shape *shape, int per_channel,
                                       int direct)
{
    for (int32_t group = 0; group < shape->groups; group++, out += 8) {
        uint32_t sum[8]; /* D0 and 256 D1 + D0 of each two channels */
        memcpy(sum, weights, sizeof sum);
        weights += 8;
        for (int32_t k = 0; k < shape->pairs; k++, weights += 4) {
            for (int32_t i = 0; i < 4; i++) {
                uint32_t of_x = pair(x, k, direct);
                sum[2 * i] = nn_smlad(nn_sxtb16(weights[i]), of_x, sum[2 * i]);
                sum[2 * i + 1] = nn_smlad(weights[i], of_x, sum[2 * i + 1]);
            }
        }
        for (int32_t i = 0; i < 8; i++) {
            int32_t channel = i ^ 1; /* the odd one of two comes first */
            int32_t multiplier = shape->multiplier, half_shift = shape->half_shift;
            if (per_channel) {
                multiplier = (int32_t)weights[0];
                half_shift = (int32_t)weights[1];
                weights += 2;
            }
            const uint32_t *s = &sum[channel];
            int32_t doubled = channel & 1 ? (int32_t)(s[0] - s[-1]) >> 7 : (int32_t)(2 * s[0]);
            out[channel] = nn_requantize_doubled(doubled, multiplier,
                                                 shape->offset * (1 << half_shift), half_shift + 1);
        }
    }
    return weights;
}

const uint32_t *nn_fully_connected_1x8_channel(const void *x, const uint32_t *weights, int8_t *out,
                                               const nn_fully_connected_shape *shape)
{
    return groups_of_eight(x, weights, out, shape, 1, 0);
}

const uint32_t *nn_fully_connected_1x8_tensor(const void *x, const uint32_t *weights, int8_t *out,
                                              const nn_fully_connected_shape *shape)
{
    return groups_of_eight(x, weights, out, shape, 0, 0);
}

const uint32_t *nn_fully_connected_1x8_direct_channel(const void *x, const uint32_t *weights,
                                                      int8_t *out,
                                                      const nn_fully_connected_shape *shape)
{
    return groups_of_eight(x, weights, out, shape, 1, 1);
}

const uint32_t *nn_fully_connected_1x8_direct_tensor(const void *x, const uint32_t *weights,
                                                     int8_t *out,
                                                     const nn_fully_connected_shape *shape)
{
    return groups_of_eight(x, weights, out, shape, 0, 1);
}

/* With a zero point of -128 the sign's correction cannot show: the assembly leaves it out. */
const uint32_t *nn_fully_connected_1x8_channel_relu(const void *x, const uint32_t *weights,
                                                    int8_t *out,
                                                    const nn_fully_connected_shape *shape)
{
    return groups_of_eight(x, weights, out, shape, 1, 0);
}

const uint32_t *nn_fully_connected_1x8_tensor_relu(const void *x, const uint32_t *weights,
                                                   int8_t *out,
                                                   const nn_fully_connected_shape *shape)
{
    return groups_of_eight(x, weights, out, shape, 0, 0);
}

const uint32_t *nn_fully_connected_1x8_direct_channel_relu(const void *x, const uint32_t *weights,
                                                           int8_t *out,
                                                           const nn_fully_connected_shape *shape)
{
    return groups_of_eight(x, weights, out, shape, 1, 1);
}

const uint32_t *nn_fully_connected_1x8_direct_tensor_relu(const void *x, const uint32_t *weights,
                                                          int8_t *out,
                                                          const nn_fully_connected_shape *shape)
{
    return groups_of_eight(x, weights, out, shape, 0, 1);
}
