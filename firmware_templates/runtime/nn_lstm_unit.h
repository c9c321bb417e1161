/*
 * What a unit of an LSTM makes of its gates:
 *   cell = logistic(forget) * cell + logistic(input) * tanh(cell gate)
 *   hidden = logistic(output) * tanh(cell)
 * in 16 bits, each product rounded twice as TFLite's MultiplyByQuantizedMultiplier does.
 */
#ifndef NN_LSTM_UNIT_H
#define NN_LSTM_UNIT_H

#include "nn_fixedpoint.h"
#include "nn_lstm.h"
#include "nn_sigmoid16.h"

enum { NN_LSTM_INPUT, NN_LSTM_FORGET, NN_LSTM_CELL, NN_LSTM_OUTPUT, NN_LSTM_GATES };

static inline int32_t nn_clamp16(int32_t x)
{
#if defined(__ARM_FEATURE_SAT) && defined(__thumb2__)
    int32_t result;
    __asm("ssat %0, #16, %1" : "=r"(result) : "r"(x));
    return result;
#else
    return nn_clamp(x, INT16_MIN, INT16_MAX);
#endif
}

/* x / 2^(right + 1), rounded twice, halves away from zero in the end; right > 0. */
static inline int32_t nn_lstm_halved(int32_t x, int32_t right)
{
    int32_t half = (x + 1) >> 1;
    return (half + (half >> 31) + (1 << (right - 1))) >> right;
}

/* The hidden state in steps of 2^-30, for gates in codes of 2^-12; updates the cell state. */
static inline int32_t nn_lstm_unit(const nn_lstm_unit_params *p, const int32_t gates[NN_LSTM_GATES],
                                   int16_t *cell)
{
    int32_t kept = nn_lstm_halved(nn_logistic16(3 * gates[NN_LSTM_FORGET]) * *cell, 14);
    int32_t let_in = nn_logistic16(3 * gates[NN_LSTM_INPUT]) * nn_tanh16(3 * gates[NN_LSTM_CELL]);
    int32_t state = nn_clamp16(kept + nn_clamp16(nn_lstm_halved(let_in, p->cell_right)));
    state = nn_clamp(state, p->cell_min, p->cell_max);
    *cell = (int16_t)state;
    int32_t rounding = p->tanh_right ? 1 << (p->tanh_right - 1) : 0;
    int32_t shown = nn_tanh16((state * p->tanh_factor + rounding) >> p->tanh_right);
    return shown * nn_logistic16(3 * gates[NN_LSTM_OUTPUT]);
}

/* Its code before it is clamped. */
static inline int32_t nn_lstm_code(const nn_lstm_unit_params *p, int32_t shown)
{
    return nn_requantize(shown, p->out_multiplier, p->out_shift) + p->out_zero_point;
}

#endif
