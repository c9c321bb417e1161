/*
 * Images of another size, NHWC, TFLite semantics: each output pixel is interpolated between two
 * rows and two columns. rows has two offsets into an image in elements for each row of the output,
 * row_shares how much of the second one counts (int8: of 2^NN_BILINEAR_BITS); so have columns. For
 * `batches` images that are `in_elements` apart. Floats as nn_float.h says. Aliasing: out must not
 * overlap in. Scratch: none.
 */
#ifndef NN_RESIZE_BILINEAR_H
#define NN_RESIZE_BILINEAR_H

#include <stdint.h>

#define NN_BILINEAR_BITS 10

typedef struct {
    int32_t batches, in_elements;
    int32_t height, width, channels;
    const int32_t *rows, *row_shares;
    const int32_t *columns, *column_shares;
} nn_resize_bilinear_s8_params;

typedef struct {
    int32_t batches, in_elements;
    int32_t height, width, channels;
    const int32_t *rows;
    const float *row_shares;
    const int32_t *columns;
    const float *column_shares;
} nn_resize_bilinear_f32_params;

void nn_resize_bilinear_s8(const nn_resize_bilinear_s8_params *p, const int8_t *in, int8_t *out);
void nn_resize_bilinear_f32(const nn_resize_bilinear_f32_params *p, const float *in, float *out);

#endif
