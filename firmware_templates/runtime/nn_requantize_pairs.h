/*
 * Between integer types of which one is uint8 or int32, and from uint8 to float32; the rest is as
 * in nn_quantize.h, whose parameters these take. Aliasing: out may be in when both have the same
 * size.
 */
#ifndef NN_REQUANTIZE_PAIRS_H
#define NN_REQUANTIZE_PAIRS_H

#include "nn_quantize.h"

void nn_requantize_s8_u8(const nn_requantize_params *p, const int8_t *in, uint8_t *out);
void nn_requantize_s8_s32(const nn_requantize_params *p, const int8_t *in, int32_t *out);
void nn_requantize_s16_s32(const nn_requantize_params *p, const int16_t *in, int32_t *out);
void nn_requantize_u8_s8(const nn_requantize_params *p, const uint8_t *in, int8_t *out);
void nn_requantize_s32_s8(const nn_requantize_params *p, const int32_t *in, int8_t *out);
void nn_requantize_s32_s16(const nn_requantize_params *p, const int32_t *in, int16_t *out);
void nn_dequantize_u8_f32(const nn_affine_params *p, const uint8_t *in, float *out);

#endif
