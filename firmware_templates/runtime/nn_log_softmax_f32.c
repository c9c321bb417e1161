#include <float.h>

#include "nn_log_softmax.h"
#include "nn_math_f32.h"

void nn_log_softmax_f32(const nn_log_softmax_f32_params *p, const float *in, float *out)
{
    for (int32_t row = 0; row < p->rows; row++, in += p->columns, out += p->columns) {
        float most = -FLT_MAX, sum = 0.0f;
        for (int32_t c = 0; c < p->columns; c++) {
            most = most < in[c] ? in[c] : most;
        }
        for (int32_t c = 0; c < p->columns; c++) {
            sum += nn_exp_of(in[c] - most);
        }
        float log_sum = nn_log_of(sum);
        for (int32_t c = 0; c < p->columns; c++) {
            float difference = in[c] - most;
            out[c] = difference - log_sum;
        }
    }
}
