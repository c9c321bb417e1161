#include "nn_fully_connected_fours.h"

#include "nn_port.h"

/* The sums of four channels over n inputs, and the bias. */
static NN_NOINLINE void add_inputs(const int8_t *in, const int8_t *weights, int32_t n,
                                   const int32_t *bias, int32_t sums[4])
{
    int32_t s0 = bias[0], s1 = bias[1], s2 = bias[2], s3 = bias[3];
    const int8_t *end = in + n;
    if (n % 2 != 0) {
        int32_t x = *in++;
        s0 += x * weights[0];
        s1 += x * weights[1];
        s2 += x * weights[2];
        s3 += x * weights[3];
        weights += 4;
    }
    for (; in != end; in += 2, weights += 8) {
        int32_t x = in[0], y = in[1];
        s0 += x * weights[0];
        s1 += x * weights[1];
        s2 += x * weights[2];
        s3 += x * weights[3];
        s0 += y * weights[4];
        s1 += y * weights[5];
        s2 += y * weights[6];
        s3 += y * weights[7];
    }
    sums[0] = s0;
    sums[1] = s1;
    sums[2] = s2;
    sums[3] = s3;
}

void nn_fully_connected_s8_fours(const nn_fully_connected_fours_params *p, const int8_t *in,
                                 int8_t *out)
{
    int32_t in_c = p->in_c, out_c = p->out_c;
    for (int32_t row = 0; row < p->rows; row++, in += in_c, out += out_c) {
        const int8_t *weights = p->weights;
        for (int32_t oc = 0; oc < out_c; oc += 4, weights += 4 * in_c) {
            int32_t sums[4];
            add_inputs(in, weights, in_c, p->bias + oc, sums);
            nn_store_codes(&p->codes, oc, sums, out_c - oc < 4 ? out_c - oc : 4, out + oc);
        }
    }
}
