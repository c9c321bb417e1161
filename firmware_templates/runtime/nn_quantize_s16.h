/*
 * From and to int16; the rest is as in nn_quantize.h, whose parameters these take. Aliasing: out
 * may be in when both have the same type.
 */
#ifndef NN_QUANTIZE_S16_H
#define NN_QUANTIZE_S16_H

#include "nn_quantize.h"

void nn_quantize_f32_s16(const nn_affine_params *p, const float *in, int16_t *out);
void nn_dequantize_s16_f32(const nn_affine_params *p, const int16_t *in, float *out);
void nn_requantize_s16(const nn_requantize_params *p, const int16_t *in, int16_t *out);
void nn_requantize_s8_s16(const nn_requantize_params *p, const int8_t *in, int16_t *out);
void nn_requantize_s16_s8(const nn_requantize_params *p, const int16_t *in, int8_t *out);

#endif
