/*
 * For each of `height` rows and `width` columns of the output copies the `size` bytes of a pixel of
 * the source: rows and columns are the tables' offsets in bytes. For `batches` images that are
 * `in_bytes` apart. Aliasing: target must not overlap source. Scratch: none.
 */
#ifndef NN_RESIZE_NEAREST_H
#define NN_RESIZE_NEAREST_H

#include <stdint.h>

typedef struct {
    int32_t batches, in_bytes, height, width, size;
    const int32_t *rows, *columns;
} nn_resize_nearest_params;

void nn_resize_nearest(const nn_resize_nearest_params *p, const void *source, void *target);

#endif
