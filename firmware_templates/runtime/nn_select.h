/*
 * SELECT_V2 with broadcasting: where the condition is not 0 elements of in1, else those of in2, in
 * six nested loops of dims iterations. Strides are the steps of the inputs in elements, 0 where one
 * is broadcast: stride1 the condition's, stride2 and stride3 the others'; the output is contiguous.
 * Aliasing: out may be the same memory as an input of the output's shape and size. Scratch: none.
 */
#ifndef NN_SELECT_H
#define NN_SELECT_H

#include <stdint.h>

typedef struct {
    int32_t dims[6], stride1[6], stride2[6], stride3[6];
} nn_select_params;

void nn_select_s8(const nn_select_params *p, const uint8_t *condition, const int8_t *in1,
                  const int8_t *in2, int8_t *out);
void nn_select_s16(const nn_select_params *p, const uint8_t *condition, const int16_t *in1,
                   const int16_t *in2, int16_t *out);
void nn_select_s32(const nn_select_params *p, const uint8_t *condition, const int32_t *in1,
                   const int32_t *in2, int32_t *out);
void nn_select_f32(const nn_select_params *p, const uint8_t *condition, const float *in1,
                   const float *in2, float *out);
void nn_select_b(const nn_select_params *p, const uint8_t *condition, const uint8_t *in1,
                 const uint8_t *in2, uint8_t *out);

#endif
