/*
 * Numbers of one type as numbers of another one, nn_cast_from_to. Whole numbers wrap. Fractions are
 * cut off, what is too large saturates, not a number gives 0. Of bool (0 or 1) is all true that is
 * not 0. Aliasing: out may be in when both have the same size. Scratch: none.
 */
#ifndef NN_CAST_H
#define NN_CAST_H

#include <stdint.h>

typedef struct {
    int32_t size;
} nn_cast_params;

#define NN_CAST_DECLARED(from, type)                                                               \
    void nn_cast_##from##_s8(const nn_cast_params *p, const type *in, int8_t *out);                \
    void nn_cast_##from##_s16(const nn_cast_params *p, const type *in, int16_t *out);              \
    void nn_cast_##from##_s32(const nn_cast_params *p, const type *in, int32_t *out);              \
    void nn_cast_##from##_f32(const nn_cast_params *p, const type *in, float *out);                \
    void nn_cast_##from##_b(const nn_cast_params *p, const type *in, uint8_t *out);

NN_CAST_DECLARED(s8, int8_t)
NN_CAST_DECLARED(s16, int16_t)
NN_CAST_DECLARED(s32, int32_t)
NN_CAST_DECLARED(f32, float)
NN_CAST_DECLARED(b, uint8_t)

#endif
