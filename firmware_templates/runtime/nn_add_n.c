#include "nn_add_n.h"

#include "nn_fixedpoint.h"
#include "nn_float.h"

static void codes(const nn_add_n_s8_params *p, const int8_t *const *in, int32_t count, int8_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        int32_t sum = p->offset;
        for (int32_t k = 0; k < count; k++) {
            sum += in[k][i];
        }
        int32_t code = nn_requantize(sum * (1 << 19), p->multiplier, p->shift);
        out[i] = (int8_t)nn_clamp(code + p->out_zero_point, INT8_MIN, INT8_MAX);
    }
}

static void numbers(const nn_add_n_f32_params *p, const float *const *in, int32_t count, float *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        float sum = 0.0f;
        for (int32_t k = 0; k < count; k++) {
            sum += in[k][i];
        }
        out[i] = sum;
    }
}

void nn_add_2_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out)
{
    const int8_t *in[] = {a, b};
    codes(p, in, 2, out);
}

void nn_add_3_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 int8_t *out)
{
    const int8_t *in[] = {a, b, c};
    codes(p, in, 3, out);
}

void nn_add_4_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 const int8_t *d, int8_t *out)
{
    const int8_t *in[] = {a, b, c, d};
    codes(p, in, 4, out);
}

void nn_add_5_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 const int8_t *d, const int8_t *e, int8_t *out)
{
    const int8_t *in[] = {a, b, c, d, e};
    codes(p, in, 5, out);
}

void nn_add_6_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 const int8_t *d, const int8_t *e, const int8_t *f, int8_t *out)
{
    const int8_t *in[] = {a, b, c, d, e, f};
    codes(p, in, 6, out);
}

void nn_add_7_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 const int8_t *d, const int8_t *e, const int8_t *f, const int8_t *g, int8_t *out)
{
    const int8_t *in[] = {a, b, c, d, e, f, g};
    codes(p, in, 7, out);
}

void nn_add_8_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 const int8_t *d, const int8_t *e, const int8_t *f, const int8_t *g,
                 const int8_t *h, int8_t *out)
{
    const int8_t *in[] = {a, b, c, d, e, f, g, h};
    codes(p, in, 8, out);
}

void nn_add_2_f32(const nn_add_n_f32_params *p, const float *a, const float *b, float *out)
{
    const float *in[] = {a, b};
    numbers(p, in, 2, out);
}

void nn_add_3_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  float *out)
{
    const float *in[] = {a, b, c};
    numbers(p, in, 3, out);
}

void nn_add_4_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  const float *d, float *out)
{
    const float *in[] = {a, b, c, d};
    numbers(p, in, 4, out);
}

void nn_add_5_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  const float *d, const float *e, float *out)
{
    const float *in[] = {a, b, c, d, e};
    numbers(p, in, 5, out);
}

void nn_add_6_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  const float *d, const float *e, const float *f, float *out)
{
    const float *in[] = {a, b, c, d, e, f};
    numbers(p, in, 6, out);
}

void nn_add_7_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  const float *d, const float *e, const float *f, const float *g, float *out)
{
    const float *in[] = {a, b, c, d, e, f, g};
    numbers(p, in, 7, out);
}

void nn_add_8_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  const float *d, const float *e, const float *f, const float *g, const float *h,
                  float *out)
{
    const float *in[] = {a, b, c, d, e, f, g, h};
    numbers(p, in, 8, out);
}
