/*
 * Average and maximum pooling, int8, NHWC with batch 1, TFLite semantics. Input and output share
 * their quantization. Taps outside the image are left out, of the average's count too.
 * Every window must hold at least one tap. Aliasing: out must not overlap in. Scratch: none.
 */
#ifndef NN_POOL2D_H
#define NN_POOL2D_H

#include <stdint.h>

typedef struct {
    int32_t in_h, in_w;
    int32_t out_h, out_w;
    int32_t channels;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t act_min, act_max;
} nn_pool2d_params;

void nn_average_pool2d_s8(const nn_pool2d_params *p, const int8_t *in, int8_t *out);
void nn_max_pool2d_s8(const nn_pool2d_params *p, const int8_t *in, int8_t *out);

#endif
