/*
 * 2-D convolution by exact integer Winograd tiles (nn_winograd.h), for cores with the DSP extension
 * and an FPU. 3x3, stride 1, no dilation, at most one row or column of padding on each side; in_c
 * and out_c are multiples of four and every output code is in -128 to 127 (no other clamp).
 * Any in_h and in_w. Aliasing: out must not overlap in; or it is in, of the same size, when `batch`
 * is a number of whole rows of tiles.
 *
 * Two functions: _stored takes u from flash, all channels one group after the other; _run_time
 * makes u of the int8 weights (out_c, 3, 3, in_c): of all channels before anything else
 * (`resident`), or of four channels at a time for every `batch` of tiles.
 * Scratch, aligned to 4: v of `batch` tiles (144 in_c bytes for each two), u of four channels
 * (288 in_c bytes; all groups' when it is resident, none when it is stored), m (1152 bytes; where
 * it is larger a tile of the input, 36 in_c bytes, when u is stored or resident), and when `batch`
 * is rows of tiles also a row of pixels (in_w * in_c bytes).
 */
#ifndef NN_CONV2D_WINOGRAD_H
#define NN_CONV2D_WINOGRAD_H

#include <stdint.h>

#include "nn_winograd.h"

typedef struct {
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t pad_top, pad_left;
    int32_t in_zero_point;
    int32_t batch; /* tiles */
    int32_t resident;
    nn_winograd_gemm_function *gemm;
    nn_winograd_output_function *output;
    const int32_t *requantize; /* four words for each output channel */
    const uint32_t *u;         /* stored; or else */
    const int8_t *weights;
} nn_conv2d_winograd_params;

void nn_conv2d_s8_winograd_stored(const nn_conv2d_winograd_params *p, const int8_t *in, int8_t *out,
                                  int8_t *scratch);
void nn_conv2d_s8_winograd_run_time(const nn_conv2d_winograd_params *p, const int8_t *in,
                                    int8_t *out, int8_t *scratch);

#endif
