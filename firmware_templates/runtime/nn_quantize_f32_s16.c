#include "nn_fixedpoint.h"
#include "nn_quantize_s16.h"

/* The nearest integer, halves away from zero, of a value limited to +-70000; not a number gives 0.
 */
static int32_t round_limited(float x)
{
    if (!(x > -70000.0f)) {
        return x == x ? -70000 : 0;
    }
    if (x > 70000.0f) {
        return 70000;
    }
    int32_t whole = (int32_t)x;
    float rest = x - (float)whole; /* exact */
    return whole + (rest >= 0.5f ? 1 : 0) - (rest <= -0.5f ? 1 : 0);
}

void nn_quantize_f32_s16(const nn_affine_params *p, const float *in, int16_t *out)
{
    for (int32_t i = 0; i < p->size; i++) {
        int32_t code = round_limited(in[i] / p->scale) + p->zero_point;
        out[i] = (int16_t)nn_clamp(code, INT16_MIN, INT16_MAX);
    }
}
