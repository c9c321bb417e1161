/* The portable twin of nn_winograd_dsp.S. */
#include <string.h>

#include "nn_winograd.h"

enum { POSITIONS = NN_WINOGRAD_POSITIONS };

void nn_winograd_gemm_2n(const uint32_t *v, const uint32_t *u, int32_t *m, int32_t pairs)
{
    for (int32_t position = 0; position < POSITIONS; position++) {
        uint32_t sums[2][4] = {{0}};
        for (int32_t k = 0; k < pairs; k++) {
            for (int32_t tile = 0; tile < 2; tile++) {
                for (int32_t channel = 0; channel < 4; channel++) {
                    sums[tile][channel] =
                        nn_smlad(v[(k * POSITIONS + position) * 2 + tile],
                                 u[(k * POSITIONS + position) * 4 + channel], sums[tile][channel]);
                }
            }
        }
        memcpy(m + 8 * position, sums, sizeof sums);
    }
}

void nn_winograd_gemm_2(const uint32_t *v, const uint32_t *u, int32_t *m, int32_t pairs)
{
    nn_winograd_gemm_2n(v, u, m, pairs);
}

void nn_winograd_gemm_8(const uint32_t *v, const uint32_t *u, int32_t *m, int32_t pairs)
{
    nn_winograd_gemm_2n(v, u, m, pairs);
}

void nn_winograd_gemm_8n(const uint32_t *v, const uint32_t *u, int32_t *m, int32_t pairs)
{
    nn_winograd_gemm_2n(v, u, m, pairs);
}

/* Half-words low and high of a word. */
static uint32_t joined(int32_t low, int32_t high)
{
    return (uint32_t)(uint16_t)low | (uint32_t)high << 16;
}

/* B' of six values, each `step` after the other, in place. */
static void input_1d(int32_t *d, int32_t step)
{
    int32_t d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step],
            d5 = d[5 * step];
    d[0] = 4 * d0 - 5 * d2 + d4;
    d[step] = -4 * d1 - 4 * d2 + d3 + d4;
    d[2 * step] = 4 * d1 - 4 * d2 - d3 + d4;
    d[3 * step] = -2 * d1 - d2 + 2 * d3 + d4;
    d[4 * step] = 2 * d1 - d2 - 2 * d3 + d4;
    d[5 * step] = 4 * d1 - 5 * d3 + d5;
}

void nn_winograd_input(const int8_t *first, const int8_t *second, int32_t row, int32_t channels,
                       uint32_t *v)
{
    for (int32_t pair = 0; pair < channels / 2; pair++, v += 2 * POSITIONS) {
        int32_t d[2][POSITIONS];
        for (int32_t lane = 0; lane < 2; lane++) {
            int32_t channel = pair / 2 * 4 + pair % 2 + 2 * lane;
            for (int32_t i = 0; i < POSITIONS; i++) {
                const int8_t *x = i < 6 ? first : second + (i / 6 - 1) * row;
                d[lane][i] = x[i % 6 * channels + channel];
            }
            for (int32_t i = 0; i < 6; i++) {
                input_1d(d[lane] + i, 6);
            }
            for (int32_t i = 0; i < 6; i++) {
                input_1d(d[lane] + 6 * i, 1);
            }
        }
        for (int32_t i = 0; i < POSITIONS; i++) {
            v[2 * i] = joined(d[0][i], d[1][i]);
        }
    }
}

/* G of three values, each `step` after the other; six values take their place. */
static void weights_1d(int32_t *g, int32_t step)
{
    int32_t g0 = g[0], g1 = g[step], g2 = g[2 * step];
    g[0] = 6 * g0;
    g[step] = g0 + g1 + g2;
    g[2 * step] = g0 - g1 + g2;
    g[3 * step] = g0 + 2 * g1 + 4 * g2;
    g[4 * step] = g0 - 2 * g1 + 4 * g2;
    g[5 * step] = 6 * g2;
}

void nn_winograd_weights(const int8_t *weights, int32_t channels, uint32_t *u)
{
    for (int32_t pair = 0; pair < channels / 2; pair++, u += 4 * POSITIONS) {
        int32_t g[2][POSITIONS];
        for (int32_t lane = 0; lane < 2; lane++) {
            const int8_t *w = weights + pair / 2 * 4 + pair % 2 + 2 * lane;
            for (int32_t i = 0; i < 9; i++) {
                g[lane][i / 3 * 6 + i % 3] = w[i * channels];
            }
            for (int32_t i = 0; i < 3; i++) {
                weights_1d(g[lane] + i, 6);
            }
            for (int32_t i = 0; i < 6; i++) {
                weights_1d(g[lane] + 6 * i, 1);
            }
        }
        for (int32_t i = 0; i < POSITIONS; i++) {
            u[4 * i] = joined(g[0][i], g[1][i]);
        }
    }
}

/* A' of six values m, each `step` after the other. Sums may wrap. */
static void output_1d(const uint32_t *m, int32_t step, uint32_t y[4])
{
    uint32_t m0 = m[0], m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step],
             m5 = m[5 * step];
    y[0] = m0 - 4 * (m1 + m2) + m3 + m4;
    y[1] = m3 - m4 - 2 * (m1 - m2);
    y[2] = m3 + m4 - (m1 + m2);
    y[3] = m5 + 2 * (m3 - m4) - (m1 - m2);
}

void nn_winograd_output(const int32_t *m, const int32_t *requantize, int8_t *out,
                        const nn_winograd_steps *steps)
{
    static const uint8_t scale[4] = {1, 2, 4, 4}; /* 24 / f */
    static const uint8_t shift[4] = {5, 4, 3, 3}; /* leaves twice the sum */
    for (int32_t channel = 0; channel < 4; channel++, requantize += 4) {
        uint32_t t[4][6];
        for (int32_t j = 0; j < 6; j++) {
            uint32_t column[6], y[4];
            for (int32_t i = 0; i < 6; i++) {
                column[i] = (uint32_t)m[(6 * i + j) * 8 + channel];
            }
            output_1d(column, 1, y);
            for (int32_t i = 0; i < 4; i++) {
                t[i][j] = y[i];
            }
        }
        for (int32_t i = 0; i < 4; i++) {
            uint32_t y[4];
            output_1d(t[i], 1, y);
            for (int32_t j = 0; j < 4; j++) {
                uint32_t scaled = y[j] * (NN_WINOGRAD_INVERSE_9 * (uint32_t)scale[i]);
                int32_t doubled = ((int32_t)scaled >> shift[j]) + requantize[0];
                out[i * steps->row + j * steps->pixel + channel] =
                    nn_requantize_doubled(doubled, requantize[1], requantize[2], requantize[3]);
            }
        }
    }
}

/* With a zero point of -128 the sign's correction cannot show: the assembly leaves it out. */
void nn_winograd_output_relu(const int32_t *m, const int32_t *requantize, int8_t *out,
                             const nn_winograd_steps *steps)
{
    nn_winograd_output(m, requantize, out, steps);
}
