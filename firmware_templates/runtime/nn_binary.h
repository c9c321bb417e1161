/*
 * Operators of two tensors with broadcasting, element by element, in four nested loops of dims
 * iterations. stride1 and stride2 are the steps of the inputs in elements, 0 where one is
 * broadcast; the output is contiguous. Of the names _s8, _s16, _s32, _f32 and _b (0 or 1) is the
 * type of the inputs; comparisons make 0 or 1. Aliasing: out may be the same memory as an input of
 * the output's shape and type. Scratch: none.
 */
#ifndef NN_BINARY_H
#define NN_BINARY_H

#include <stdint.h>

typedef struct {
    int32_t dims[4], stride1[4], stride2[4];
} nn_binary_params;

typedef struct {
    int32_t dims[4], stride1[4], stride2[4];
    int32_t act_min, act_max;
} nn_binary_s32_params;

typedef struct {
    int32_t dims[4], stride1[4], stride2[4];
    float act_min, act_max;
} nn_binary_f32_params;

/* Both codes less their zero points, shifted left, rescaled; what is made of them rescaled again.
 * An operator leaves out what its definition does without. */
typedef struct {
    int32_t dims[4], stride1[4], stride2[4];
    int32_t left_shift;
    int32_t multiplier1, multiplier2, out_multiplier;
    int32_t shift1, shift2, out_shift;
    int32_t zero_point1, zero_point2, out_zero_point;
    int32_t act_min, act_max;
} nn_binary_scaled_params;

/* The kernel `name`, which makes each element by `name`_of(p, a, b). */
#define NN_BINARY(name, params, type, out_type)                                                    \
    void name(const params *p, const type *in1, const type *in2, out_type *out)                    \
    {                                                                                              \
        const int32_t *d = p->dims, *s1 = p->stride1, *s2 = p->stride2;                            \
        for (int32_t i = 0; i < d[0]; i++) {                                                       \
            for (int32_t j = 0; j < d[1]; j++) {                                                   \
                for (int32_t k = 0; k < d[2]; k++) {                                               \
                    const type *a = in1 + i * s1[0] + j * s1[1] + k * s1[2];                       \
                    const type *b = in2 + i * s2[0] + j * s2[1] + k * s2[2];                       \
                    for (int32_t l = 0; l < d[3]; l++) {                                           \
                        *out++ = name##_of(p, a[l * s1[3]], b[l * s2[3]]);                         \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

#define NN_BINARY_DECLARED(name, params, type, out_type)                                           \
    void name(const params *p, const type *in1, const type *in2, out_type *out);

#endif
