#include "nn_softmax_f32.h"

#include "nn_math_f32.h"

static float exp_of_negative(float x)
{
    if (!(x > -104.0f)) {
        return x == x ? 0.0f : x;
    }
    float whole = x * 1.44269504f;
    return nn_exp_in_parts(x, (int32_t)(whole - 0.5f));
}

void nn_softmax_f32(const nn_softmax_f32_params *p, const float *in, float *out)
{
    for (int32_t row = 0; row < p->rows; row++, in += p->columns, out += p->columns) {
        float most = in[0], sum = 0.0f;
        for (int32_t i = 1; i < p->columns; i++) {
            most = most < in[i] ? in[i] : most;
        }
        for (int32_t i = 0; i < p->columns; i++) {
            float difference = in[i] - most;
            out[i] = exp_of_negative(difference * p->beta);
            sum += out[i];
        }
        for (int32_t i = 0; i < p->columns; i++) {
            out[i] /= sum;
        }
    }
}
