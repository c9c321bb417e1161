#include "nn_cast.h"

#include "nn_fixedpoint.h"

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wfloat-equal"
#endif

static int32_t whole(float x)
{
    if (!(x < 2147483648.0f)) {
        return x == x ? INT32_MAX : 0;
    }
    return x > -2147483648.0f ? (int32_t)x : INT32_MIN;
}

#define CAST(name, source, target, value)                                                          \
    void name(const nn_cast_params *p, const source *in, target *out)                              \
    {                                                                                              \
        for (int32_t i = 0; i < p->size; i++) {                                                    \
            const source x = in[i];                                                                \
            out[i] = (target)(value);                                                              \
        }                                                                                          \
    }

#define CAST_REST(from, type)                                                                      \
    CAST(nn_cast_##from##_f32, type, float, x)                                                     \
    CAST(nn_cast_##from##_b, type, uint8_t, x != 0)

#define CAST_INTEGER(from, type)                                                                   \
    CAST(nn_cast_##from##_s8, type, int8_t, x)                                                     \
    CAST(nn_cast_##from##_s16, type, int16_t, x)                                                   \
    CAST(nn_cast_##from##_s32, type, int32_t, x)                                                   \
    CAST_REST(from, type)

CAST_INTEGER(s8, int8_t)
CAST_INTEGER(s16, int16_t)
CAST_INTEGER(s32, int32_t)
CAST_INTEGER(b, uint8_t)
CAST(nn_cast_f32_s8, float, int8_t, nn_clamp(whole(x), INT8_MIN, INT8_MAX))
CAST(nn_cast_f32_s16, float, int16_t, nn_clamp(whole(x), INT16_MIN, INT16_MAX))
CAST(nn_cast_f32_s32, float, int32_t, whole(x))
CAST_REST(f32, float)
