/*
 * LSTM over a sequence, TFLite semantics with int16 cell states: of each unit four gates, each the
 * sum of two products, input by weights and hidden state by weights, which are rounded to codes of
 * 2^-12 by themselves. See nn_lstm_unit.h for what becomes of them.
 *
 * Batch b at step t reads in_c codes at in + b * in_batch + t * in_step and writes as many as there
 * are units at out + b * out_batch + t * out_step. Weights and biases have the gates of a unit side
 * by side, in the order input, forget, cell, output; biases contain what zero points amount to.
 * hidden and cell are (batches, units); they are read first and hold the last step's in the end.
 * Aliasing: no two of in, out, hidden and cell may overlap. Scratch: none.
 */
#ifndef NN_LSTM_H
#define NN_LSTM_H

#include <stdint.h>

/* What a unit makes of its gates, nn_lstm_unit.h. tanh_factor / 2^tanh_right takes the cell state
 * to steps of 2^-12 / 3. */
typedef struct {
    int32_t cell_right, cell_min, cell_max;
    int32_t tanh_factor, tanh_right;
    int32_t out_multiplier, out_shift, out_zero_point;
} nn_lstm_unit_params;

typedef struct {
    int32_t batches, steps, in_c, units;
    int32_t in_batch, in_step, out_batch, out_step;
    nn_lstm_unit_params unit;
    int32_t in_multiplier[4], in_shift[4];
    int32_t hidden_multiplier[4], hidden_shift[4];
    const int8_t *in_weights, *hidden_weights;
    const int32_t *in_bias, *hidden_bias;
} nn_lstm_s8_params;

/* Weights are (units, 4, in_c) and (units, 4, units). */
void nn_lstm_s8(const nn_lstm_s8_params *p, const int8_t *in, int8_t *hidden, int16_t *cell,
                int8_t *out);

/* The same for the DSP extension: weights are (units, fours of taps, 4 gates, 4 taps), zeros behind
 * the last tap. Sums must be below 2^30 in size. */
void nn_lstm_s8_dsp(const nn_lstm_s8_params *p, const int8_t *in, int8_t *hidden, int16_t *cell,
                    int8_t *out);

/* Zero points are 0; factors have 16 bits, of shifts only those to the right. */
typedef struct {
    int32_t batches, steps, in_c, units;
    int32_t in_batch, in_step, out_batch, out_step;
    nn_lstm_unit_params unit;
    int32_t in_factor[4], in_shift[4];
    int32_t hidden_factor[4], hidden_shift[4];
    const int8_t *in_weights, *hidden_weights;
    const int64_t *in_bias;
} nn_lstm_s16_params;

void nn_lstm_s16(const nn_lstm_s16_params *p, const int16_t *in, int16_t *hidden, int16_t *cell,
                 int16_t *out);

/* The same for the DSP extension; of four taps the middle ones change places. Sums of products must
 * fit in 32 bits. */
void nn_lstm_s16_dsp(const nn_lstm_s16_params *p, const int16_t *in, int16_t *hidden, int16_t *cell,
                     int16_t *out);

#endif
