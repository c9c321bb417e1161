/*
 * float32 to int8, int8 to int8 with another quantization, int8 to float32; TFLite semantics.
 * Aliasing: nn_requantize_s8 may work in place, the others must not. Scratch: none.
 */
#ifndef NN_QUANTIZE_H
#define NN_QUANTIZE_H

#include <stdint.h>

typedef struct {
    int32_t size;
    int32_t zero_point;
    float scale;
} nn_affine_params;

typedef struct {
    int32_t size;
    int32_t in_zero_point, out_zero_point;
    int32_t multiplier, shift;
} nn_requantize_params;

void nn_quantize_f32_s8(const nn_affine_params *p, const float *in, int8_t *out);
void nn_requantize_s8(const nn_requantize_params *p, const int8_t *in, int8_t *out);
void nn_dequantize_s8_f32(const nn_affine_params *p, const int8_t *in, float *out);

#endif
