/* The portable twin of nn_gemm_s8_mve.S. */
#include "nn_gemm_mve.h"
#include "nn_requantize_mve.h"

static int32_t product(const int8_t *x, const int8_t *weights, int32_t k)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < k; i++) {
        sum += x[i] * weights[i / 16 * 32 + i % 16];
    }
    return sum;
}

/* Some pixels, whose channels are computed four at a time for all of them. */
static void group(const nn_gemm_mve *p, const int8_t *in, int8_t *out, int32_t pixels)
{
    const int8_t *weights = p->weights;
    const int32_t *channels = p->channels;
    for (int32_t c = 0; c < p->out_c; c += 4, channels += 12, weights += 4 * p->k_padded) {
        for (int32_t n = 0; n < 4 * pixels; n++) {
            int32_t pixel = n / 4, i = n % 4, place = (i & 1) * 2 + i / 2; /* 0, 2, 1, 3 */
            if (c + i < p->out_c) {
                const int8_t *w = weights + place / 2 * 2 * p->k_padded + place % 2 * 16;
                int32_t sum = channels[place] + product(in + pixel * p->in_step, w, p->k);
                out[pixel * p->out_c + c + i] =
                    nn_code_of_sum(sum, channels[4 + i], channels[8 + i], p->out_zero_point);
            }
        }
    }
}

void nn_gemm_s8_mve(const nn_gemm_mve *p, const int8_t *in, int8_t *out, int32_t pixels)
{
    while (pixels > 0) {
        int32_t some = pixels >= 3 ? 3 : 1;
        group(p, in, out, some);
        in += some * p->in_step;
        out += some * p->out_c;
        pixels -= some;
    }
}

/* With a zero point of -128 the sign's correction cannot show: the assembly leaves it out. */
void nn_gemm_s8_mve_relu(const nn_gemm_mve *p, const int8_t *in, int8_t *out, int32_t pixels)
{
    nn_gemm_s8_mve(p, in, out, pixels);
}
