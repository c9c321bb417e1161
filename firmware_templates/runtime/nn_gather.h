/*
 * For each of `batches` batches and `outer` parts of it, copies `count` slices of `slice` bytes,
 * the ones that `positions` names among the `size` of the part; the positions of a batch follow
 * those of the one before. A position outside is taken as the nearest one inside. Aliasing: target
 * must not overlap source or positions. Scratch: none.
 */
#ifndef NN_GATHER_H
#define NN_GATHER_H

#include <stdint.h>

typedef struct {
    int32_t batches, outer, count, size, slice;
} nn_gather_params;

void nn_gather(const nn_gather_params *p, const void *source, const int32_t *positions,
               void *target);

#endif
