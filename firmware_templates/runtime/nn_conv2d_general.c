#include "nn_conv2d_general.h"

#include "nn_fixedpoint.h"
#include "nn_float.h"
#include "nn_requantize_wide.h"
#include "nn_window.h"

/*
 * The kernel `name`: for each output, `name`_code makes it of the sum of all taps inside the image,
 * to which `name`_add adds those of one pixel.
 */
#define CONVOLUTION(name, params, type, weight, total)                                             \
    static total name##_sum(const params *p, const type *in, const weight *filter, int32_t y0,     \
                            int32_t x0)                                                            \
    {                                                                                              \
        const nn_conv2d_general_shape *s = &p->shape;                                              \
        total sum = 0;                                                                             \
        const int32_t ky_end = nn_end_tap(y0, s->dilation_h, s->kernel_h, s->in_h);                \
        const int32_t kx_end = nn_end_tap(x0, s->dilation_w, s->kernel_w, s->in_w);                \
        for (int32_t ky = nn_first_tap(y0, s->dilation_h); ky < ky_end; ky++) {                    \
            for (int32_t kx = nn_first_tap(x0, s->dilation_w); kx < kx_end; kx++) {                \
                const int32_t y = y0 + ky * s->dilation_h, x = x0 + kx * s->dilation_w;            \
                const type *pixel = in + (y * s->in_w + x) * s->in_c;                              \
                const weight *taps = filter + (ky * s->kernel_w + kx) * s->group_in;               \
                for (int32_t i = 0; i < s->group_in; i++) {                                        \
                    sum = name##_add(p, sum, pixel[i], taps[i]);                                   \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
        return sum;                                                                                \
    }                                                                                              \
    void name(const params *p, const type *in, const weight *weights, type *out)                   \
    {                                                                                              \
        const nn_conv2d_general_shape *s = &p->shape;                                              \
        const int32_t filter = s->kernel_h * s->kernel_w * s->group_in;                            \
        for (int32_t oy = 0; oy < s->out_h; oy++) {                                                \
            for (int32_t ox = 0; ox < s->out_w; ox++) {                                            \
                const int32_t y0 = oy * s->stride_h - s->pad_top;                                  \
                const int32_t x0 = ox * s->stride_w - s->pad_left;                                 \
                for (int32_t c = 0; c < s->out_c; c++) {                                           \
                    const type *first = in + c / s->group_out * s->group_in;                       \
                    *out++ =                                                                       \
                        name##_code(p, name##_sum(p, first, weights + c * filter, y0, x0), c);     \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

static inline int32_t nn_conv2d_general_s8_add(const nn_conv2d_general_params *p, int32_t sum,
                                               int32_t x, int32_t w)
{
    return sum + (x - p->in_zero_point) * w;
}

static int8_t nn_conv2d_general_s8_code(const nn_conv2d_general_params *p, int32_t sum, int32_t c)
{
    const int32_t code = nn_requantize(sum + p->bias[c], p->multiplier[c], p->shift[c]);
    return (int8_t)nn_clamp(code + p->out_zero_point, p->act_min, p->act_max);
}

static inline int64_t nn_conv2d_general_s16_add(const nn_conv2d_general_s16_params *p, int64_t sum,
                                                int32_t x, int32_t w)
{
    (void)p;
    return sum + x * w;
}

static int16_t nn_conv2d_general_s16_code(const nn_conv2d_general_s16_params *p, int64_t sum,
                                          int32_t c)
{
    const int32_t code = nn_requantize_wide(sum + p->bias[c], p->factor[c], p->shift[c]);
    return (int16_t)nn_clamp(code, p->act_min, p->act_max);
}

static inline int32_t nn_conv2d_general_s16_narrow_add(const nn_conv2d_general_params *p,
                                                       int32_t sum, int32_t x, int32_t w)
{
    (void)p;
    return sum + x * w;
}

static int16_t nn_conv2d_general_s16_narrow_code(const nn_conv2d_general_params *p, int32_t sum,
                                                 int32_t c)
{
    const int32_t code = nn_requantize(sum + p->bias[c], p->multiplier[c], p->shift[c]);
    return (int16_t)nn_clamp(code, p->act_min, p->act_max);
}

static inline float nn_conv2d_general_f32_add(const nn_conv2d_general_f32_params *p, float sum,
                                              float x, float w)
{
    (void)p;
    NN_MAC_F32(sum, x, w);
    return sum;
}

static float nn_conv2d_general_f32_code(const nn_conv2d_general_f32_params *p, float sum, int32_t c)
{
    return nn_clamp_f32(sum + p->bias[c], p->act_min, p->act_max);
}

CONVOLUTION(nn_conv2d_general_s8, nn_conv2d_general_params, int8_t, int8_t, int32_t)
CONVOLUTION(nn_conv2d_general_s16, nn_conv2d_general_s16_params, int16_t, int8_t, int64_t)
CONVOLUTION(nn_conv2d_general_s16_narrow, nn_conv2d_general_params, int16_t, int8_t, int32_t)
CONVOLUTION(nn_conv2d_general_f32, nn_conv2d_general_f32_params, float, float, float)
