/*
 * Copies `count` slices of `slice` bytes. Each is named by `depth` positions, one for each of the
 * first dimensions of the source, of sizes `size` and `step` bytes apart. A position outside is
 * taken as the nearest one inside. Aliasing: target must not overlap source or positions. Scratch:
 * none.
 */
#ifndef NN_GATHER_ND_H
#define NN_GATHER_ND_H

#include <stdint.h>

#define NN_GATHER_ND_DEPTH 5

typedef struct {
    int32_t count, depth, slice;
    int32_t size[NN_GATHER_ND_DEPTH], step[NN_GATHER_ND_DEPTH];
} nn_gather_nd_params;

void nn_gather_nd(const nn_gather_nd_params *p, const void *source, const int32_t *positions,
                  void *target);

#endif
