/*
 * Operators of two tensors with broadcasting, element by element, in six nested loops of dims
 * iterations. stride1 and stride2 are the steps of the inputs in elements, 0 where one is
 * broadcast; the output is contiguous. Of the names _s8, _s16, _s32, _f32 and _b (0 or 1) is the
 * type of the inputs; comparisons make 0 or 1. Aliasing: out may be the same memory as an input of
 * the output's shape and type. Scratch: none.
 */
#ifndef NN_BINARY_H
#define NN_BINARY_H

#include <stdint.h>

typedef struct {
    int32_t dims[6], stride1[6], stride2[6];
} nn_binary_params;

typedef struct {
    int32_t dims[6], stride1[6], stride2[6];
    int32_t act_min, act_max;
} nn_binary_s32_params;

typedef struct {
    int32_t dims[6], stride1[6], stride2[6];
    float act_min, act_max;
} nn_binary_f32_params;

/* Both codes less their zero points, shifted left, rescaled; what is made of them rescaled again.
 * An operator leaves out what its definition does without. */
typedef struct {
    int32_t dims[6], stride1[6], stride2[6];
    int32_t left_shift;
    int32_t multiplier1, multiplier2, out_multiplier;
    int32_t shift1, shift2, out_shift;
    int32_t zero_point1, zero_point2, out_zero_point;
    int32_t act_min, act_max;
} nn_binary_scaled_params;

/* The kernel `name`, which makes each element by `name`_of(p, a, b). */
#define NN_BINARY_OF(name, params, type, second_type, out_type)                                    \
    void name(const params *p, const type *in1, const second_type *in2, out_type *out)             \
    {                                                                                              \
        const int32_t *d = p->dims, *s1 = p->stride1, *s2 = p->stride2;                            \
        for (int32_t g = 0; g < d[0]; g++) {                                                       \
            for (int32_t h = 0; h < d[1]; h++) {                                                   \
                for (int32_t i = 0; i < d[2]; i++) {                                               \
                    for (int32_t j = 0; j < d[3]; j++) {                                           \
                        const type *x = in1 + g * s1[0] + h * s1[1] + i * s1[2] + j * s1[3];       \
                        const second_type *y =                                                     \
                            in2 + g * s2[0] + h * s2[1] + i * s2[2] + j * s2[3];                   \
                        for (int32_t k = 0; k < d[4]; k++) {                                       \
                            const type *a = x + k * s1[4];                                         \
                            const second_type *b = y + k * s2[4];                                  \
                            for (int32_t l = 0; l < d[5]; l++) {                                   \
                                *out++ = name##_of(p, a[l * s1[5]], b[l * s2[5]]);                 \
                            }                                                                      \
                        }                                                                          \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

#define NN_BINARY(name, params, type, out_type) NN_BINARY_OF(name, params, type, type, out_type)

#define NN_BINARY_OF_DECLARED(name, params, type, second_type, out_type)                           \
    void name(const params *p, const type *in1, const second_type *in2, out_type *out);

#define NN_BINARY_DECLARED(name, params, type, out_type)                                           \
    NN_BINARY_OF_DECLARED(name, params, type, type, out_type)

#endif
