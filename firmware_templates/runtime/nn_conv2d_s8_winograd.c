#include "nn_conv2d_winograd.h"

#include "nn_winograd_tiles.h"

/* From int8 weights. */
static void nn_winograd_make(const nn_conv2d_winograd_params *p, const void *source,
                             int32_t channel, uint32_t *u)
{
    const int8_t *weights = (const int8_t *)source + channel * 9 * p->in_c;
    for (int32_t i = 0; i < 4; i++) {
        nn_winograd_weights(weights + i * 9 * p->in_c, p->in_c, u + i);
    }
}

void nn_conv2d_s8_winograd_stored(const nn_conv2d_winograd_params *p, const int8_t *in, int8_t *out,
                                  int8_t *scratch)
{
    uint32_t *v = (uint32_t *)(void *)scratch;
    nn_winograd_scratch s =
        nn_winograd_scratch_of(p, v, p->u, v + (p->batch + 1) / 2 * nn_winograd_v_words(p->in_c));
    nn_winograd_convolve(p, &s, in, out);
}

void nn_conv2d_s8_winograd_run_time(const nn_conv2d_winograd_params *p, const int8_t *in,
                                    int8_t *out, int8_t *scratch)
{
    nn_winograd_run_time(p, p->weights, in, out, scratch);
}
