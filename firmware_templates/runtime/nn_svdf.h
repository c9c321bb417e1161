/*
 * SVDF, TFLite semantics: a fully connected layer whose weights, of all the inputs of so many
 * inferences, are sums of products of one vector over the input and one over time. in is (batches,
 * in_c), out (batches, filters / rank). Each filter makes a number of the input, which goes to the
 * end of its row of the state, (batches, filters, memory), where all others move on; an output is
 * the sum of `rank` filters' rows times their weights over time.
 *
 * Aliasing: no two of in, out and state may overlap. Scratch: none.
 */
#ifndef NN_SVDF_H
#define NN_SVDF_H

#include <stdint.h>

/* A filter's products and feature_bias, which contains what the input's zero point amounts to, give
 * a code of the state. Sums over time wrap. bias is of the outputs. */
typedef struct {
    int32_t batches, in_c, filters, rank, memory;
    int32_t state_multiplier, state_shift, state_zero_point;
    int32_t out_multiplier, out_shift, out_zero_point;
    const int8_t *feature_weights;
    const int32_t *feature_bias;
    const int16_t *time_weights;
    const int32_t *bias;
} nn_svdf_params;

/* Feature weights are (filters, in_c). */
void nn_svdf_s8(const nn_svdf_params *p, const int8_t *in, int16_t *state, int8_t *out);

/* The same with int8 states. */
void nn_svdf_s8_narrow(const nn_svdf_params *p, const int8_t *in, int8_t *state, int8_t *out);

/* nn_svdf_s8 for the DSP extension: feature weights are (groups of four filters, fours of inputs, 4
 * filters, 4 inputs), zeros behind the last input and filter, as the feature_bias has them. */
void nn_svdf_s8_dsp(const nn_svdf_params *p, const int8_t *in, int16_t *state, int8_t *out);

typedef struct {
    int32_t batches, in_c, filters, rank, memory;
    float act_min, act_max;
    const float *feature_weights, *time_weights, *bias;
} nn_svdf_f32_params;

void nn_svdf_f32(const nn_svdf_f32_params *p, const float *in, float *state, float *out);

#endif
