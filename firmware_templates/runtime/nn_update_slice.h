/*
 * The source with `update` over it, from the position on that `begin` has for each of `dims`
 * dimensions; as in TFLM a position is moved so that the update lies inside. `size` are the
 * source's dimensions and `part` the update's, `item` the bytes of an element, `bytes` those of the
 * source. Aliasing: target may be source. Scratch: none.
 */
#ifndef NN_UPDATE_SLICE_H
#define NN_UPDATE_SLICE_H

#include <stdint.h>

#define NN_UPDATE_SLICE_DIMS 6

typedef struct {
    int32_t dims, bytes, item;
    int32_t size[NN_UPDATE_SLICE_DIMS], part[NN_UPDATE_SLICE_DIMS];
} nn_update_slice_params;

void nn_update_slice(const nn_update_slice_params *p, const void *source, const void *update,
                     const int32_t *begin, void *target);

#endif
