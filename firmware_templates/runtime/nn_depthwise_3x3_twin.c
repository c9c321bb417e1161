/* The portable twin of nn_depthwise_3x3_dsp.S. */
#include "nn_depthwise_3x3.h"
#include "nn_dsp.h"

enum { SLOTS = NN_DEPTHWISE_SLOTS, COLUMN = 4 * SLOTS };

void nn_depthwise_pack(const int8_t *upper, const int8_t *lower, uint32_t *word,
                       const nn_depthwise_run *run)
{
    for (int32_t i = 0; i < run->columns; i++, word += COLUMN) {
        for (int32_t channel = 0; channel < 4; channel++) {
            word[channel * SLOTS] =
                (uint32_t)(uint16_t)upper[channel] | (uint32_t)(uint16_t)lower[channel] << 16;
        }
        upper += run->upper_step;
        lower += run->lower_step;
    }
}

static int32_t byte(uint32_t word, int32_t i)
{
    return (int8_t)(word >> 8 * i);
}

/* Weights of one channel, row by row. */
static void weights_of(const uint32_t *words, int32_t w[3][3])
{
    for (int32_t x = 0; x < 2; x++) {
        w[0][x] = byte(words[0], x);
        w[1][x] = byte(words[0], 2 + x);
        w[2][x] = byte(words[1], 2 + x);
    }
    w[0][2] = byte(words[2], 0);
    w[1][2] = byte(words[2], 2);
    w[2][2] = byte(words[2], 3);
}

/* Row y of a column's pairs of rows. */
static int32_t value(const uint32_t *pairs, int32_t y)
{
    return (int16_t)(pairs[y / 2] >> 16 * (y % 2));
}

/* The code of a sum without its bias. */
typedef int8_t code_function(int32_t sum, const uint32_t *weights, int32_t zero_term);

static int8_t code_twice_rounded(int32_t sum, const uint32_t *weights, int32_t zero_term)
{
    int32_t shift = byte(weights[2], 1), doubled = (int32_t)(2u * (uint32_t)sum + weights[3]);
    return nn_requantize_doubled(doubled, (int32_t)weights[4], zero_term * (1 << (shift - 1)),
                                 shift);
}

static int8_t code_rounded_down(int32_t sum, const uint32_t *weights, int32_t zero_term)
{
    int32_t sum256 = (int32_t)(256u * (uint32_t)sum + weights[3]);
    return nn_round_down(sum256, (int32_t)weights[4], zero_term + byte(weights[2], 1),
                         NN_DEPTHWISE_FLOOR_SHIFT);
}

static void depthwise(const uint32_t *strip, const uint32_t *weights, int8_t *out,
                      const nn_depthwise_tile *tile, int32_t stride, code_function *code)
{
    for (int32_t channel = 0; channel < 4; channel++, weights += 5, strip += SLOTS, out++) {
        int32_t w[3][3];
        weights_of(weights, w);
        for (int32_t oy = 0; oy < tile->rows; oy++) {
            for (int32_t ox = 0; ox < tile->columns; ox++) {
                const uint32_t *corner = strip + ox * stride * COLUMN;
                int32_t sum = 0;
                for (int32_t i = 0; i < 9; i++) {
                    sum += w[i / 3][i % 3] * value(corner + i % 3 * COLUMN, oy * stride + i / 3);
                }
                out[oy * tile->row_step + ox * tile->column_step] =
                    code(sum, weights, tile->zero_term);
            }
        }
    }
}

void nn_depthwise_s8_3x3(const uint32_t *strip, const uint32_t *weights, int8_t *out,
                         const nn_depthwise_tile *tile)
{
    depthwise(strip, weights, out, tile, 1, code_twice_rounded);
}

void nn_depthwise_s8_3x3_stride2(const uint32_t *strip, const uint32_t *weights, int8_t *out,
                                 const nn_depthwise_tile *tile)
{
    depthwise(strip, weights, out, tile, 2, code_twice_rounded);
}

void nn_depthwise_s8_3x3_floor(const uint32_t *strip, const uint32_t *weights, int8_t *out,
                               const nn_depthwise_tile *tile)
{
    depthwise(strip, weights, out, tile, 1, code_rounded_down);
}

void nn_depthwise_s8_3x3_stride2_floor(const uint32_t *strip, const uint32_t *weights, int8_t *out,
                                       const nn_depthwise_tile *tile)
{
    depthwise(strip, weights, out, tile, 2, code_rounded_down);
}
