#include "nn_compare.h"

#include "nn_fixedpoint.h"

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wfloat-equal"
#endif

static int32_t first(const nn_binary_scaled_params *p, int32_t code)
{
    return nn_requantize((code - p->zero_point1) * (1 << p->left_shift), p->multiplier1, p->shift1);
}

static int32_t second(const nn_binary_scaled_params *p, int32_t code)
{
    return nn_requantize((code - p->zero_point2) * (1 << p->left_shift), p->multiplier2, p->shift2);
}

#define COMPARE(name, suffix, type, operator)                                                      \
    static uint8_t nn_##name##_##suffix##_of(const nn_binary_params *p, type a, type b)            \
    {                                                                                              \
        (void)p;                                                                                   \
        return a operator b ? 1 : 0;                                                               \
    }                                                                                              \
    NN_BINARY(nn_##name##_##suffix, nn_binary_params, type, uint8_t)

#define COMPARE_SCALED(name, suffix, type, operator)                                               \
    static uint8_t nn_##name##_##suffix##_of(const nn_binary_scaled_params *p, type a, type b)     \
    {                                                                                              \
        return first(p, a) operator second(p, b) ? 1 : 0;                                          \
    }                                                                                              \
    NN_BINARY(nn_##name##_##suffix, nn_binary_scaled_params, type, uint8_t)

#define COMPARE_ALL(make, suffix, type)                                                            \
    make(equal, suffix, type, ==) make(not_equal, suffix, type, !=) make(greater, suffix, type, >) \
        make(greater_equal, suffix, type, >=) make(less, suffix, type, <)                          \
            make(less_equal, suffix, type, <=)

COMPARE_ALL(COMPARE_SCALED, s8, int8_t)
COMPARE_ALL(COMPARE, s32, int32_t)
COMPARE_ALL(COMPARE, f32, float)
COMPARE_ALL(COMPARE, b, uint8_t)
