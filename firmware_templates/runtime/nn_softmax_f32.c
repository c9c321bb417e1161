#include "nn_softmax_f32.h"

#include "nn_float.h"
#include "nn_half.h"

/*
 * exp of x <= 0: 2^n * exp(r) with n = round(x / ln 2) and r = x - n ln 2, ln 2 in two parts of
 * which the first has so few digits that n times it is exact. The polynomial is exp's Taylor series
 * up to r^7 for |r| <= ln 2 / 2. The power comes in two factors, for results may be subnormal.
 */
static float exp_of_negative(float x)
{
    static const float terms[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24,
                                  1.0f / 6,    0.5f,       1.0f};
    if (!(x > -104.0f)) {
        return x == x ? 0.0f : x;
    }
    float whole = x * 1.44269504f;
    int32_t n = (int32_t)(whole - 0.5f);
    float high = (float)n * 0.693145752f, low = (float)n * 1.42860677e-6f;
    float r = x - high;
    r -= low;
    float sum = terms[0];
    for (int32_t k = 1; k < 7; k++) {
        sum *= r;
        sum += terms[k];
    }
    sum *= r;
    sum += 1.0f;
    int32_t half = n / 2;
    sum *= nn_float_of_bits((uint32_t)(half + 127) << 23);
    return sum * nn_float_of_bits((uint32_t)(n - half + 127) << 23);
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
