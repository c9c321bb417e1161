/*
 * LSTM over a sequence of float32, TFLite semantics: see nn_lstm.h for where steps and batches lie
 * and what becomes of hidden and cell. Weights are (units, 4, in_c) and (units, 4, units), biases
 * (units, 4), with the gates in the order input, forget, cell, output.
 * Cell states are clipped when cell_clip is above 0.
 * Aliasing: no two of in, out, hidden and cell may overlap. Scratch: none.
 */
#ifndef NN_LSTM_F32_H
#define NN_LSTM_F32_H

#include <stdint.h>

typedef struct {
    int32_t batches, steps, in_c, units;
    int32_t in_batch, in_step, out_batch, out_step;
    float cell_clip;
    const float *in_weights, *hidden_weights, *bias;
} nn_lstm_f32_params;

void nn_lstm_f32(const nn_lstm_f32_params *p, const float *in, float *hidden, float *cell,
                 float *out);

#endif
