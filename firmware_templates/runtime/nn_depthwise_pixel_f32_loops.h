/*
 * The loops of nn_depthwise_conv2d_f32.h for one kind of weights. Before it is included NN_WEIGHT
 * is their type and NN_WEIGHTS_OF_TAP the number of these for 4 channels; NN_LOAD_WEIGHTS(w)
 * declares the floats w0, w1, w2 and w3.
 */
#include "nn_depthwise_conv2d_f32.h"
#include "nn_float.h"

static void four_channels(const nn_depthwise_conv2d_f32_params *p,
                          const nn_depthwise_taps_f32 *taps, const float *in,
                          const NN_WEIGHT *weights, const float *bias, float *out)
{
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
    for (int32_t row = taps->rows; row > 0; row--) {
        const float *x = in;
        const NN_WEIGHT *w = weights;
        for (int32_t k = taps->count; k > 0; k--) {
            NN_LOAD_WEIGHTS(w)
            w += NN_WEIGHTS_OF_TAP;
            NN_MAC_F32(s0, x[0], w0);
            NN_MAC_F32(s1, x[1], w1);
            NN_MAC_F32(s2, x[2], w2);
            NN_MAC_F32(s3, x[3], w3);
            x += taps->in_step;
        }
        in += taps->in_row_step;
        weights += taps->weight_row_step * NN_WEIGHTS_OF_TAP;
    }
    out[0] = nn_clamp_f32(s0 + bias[0], p->act_min, p->act_max);
    out[1] = nn_clamp_f32(s1 + bias[1], p->act_min, p->act_max);
    out[2] = nn_clamp_f32(s2 + bias[2], p->act_min, p->act_max);
    out[3] = nn_clamp_f32(s3 + bias[3], p->act_min, p->act_max);
}

/* Number `lane` of the 4 whose weights lie side by side. */
static float sum_of_channel(const nn_depthwise_taps_f32 *taps, const float *in, int32_t lane,
                            const NN_WEIGHT *weights)
{
    float sum = 0.0f;
    for (int32_t row = taps->rows; row > 0; row--) {
        const float *x = in;
        const NN_WEIGHT *w = weights;
        for (int32_t k = taps->count; k > 0; k--) {
            NN_LOAD_WEIGHTS(w)
            w += NN_WEIGHTS_OF_TAP;
            float low = lane & 1 ? w1 : w0, high = lane & 1 ? w3 : w2;
            NN_MAC_F32(sum, *x, lane & 2 ? high : low);
            x += taps->in_step;
        }
        in += taps->in_row_step;
        weights += taps->weight_row_step * NN_WEIGHTS_OF_TAP;
    }
    return sum;
}

static void all_channels(const nn_depthwise_conv2d_f32_params *p, const nn_depthwise_taps_f32 *taps,
                         const float *in, const char *weights, float *out)
{
    int32_t multiplier = p->out_c / p->in_c, oc = 0;
    for (; multiplier == 1 && oc + 4 <= p->out_c; oc += 4, weights += p->group_bytes) {
        const void *group = weights;
        four_channels(p, taps, in + oc, group, p->bias + oc, out + oc);
    }
    for (; oc < p->out_c; oc++) {
        const void *group = weights;
        float sum = sum_of_channel(taps, in + oc / multiplier, oc % 4, group);
        out[oc] = nn_clamp_f32(sum + p->bias[oc], p->act_min, p->act_max);
        weights += oc % 4 == 3 ? p->group_bytes : 0;
    }
}
