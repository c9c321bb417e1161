/*
 * Copies pieces of `size` bytes from nested loops of places in the source to nested loops of places
 * in the target. Steps and offsets are in bytes; a step of the source may be 0 (it repeats) or
 * negative. Pieces of 2, 4 and 8 bytes are aligned to their size. The last loop is the innermost;
 * loops that are not needed have one turn. Aliasing: target must not overlap source. Scratch: none.
 */
#ifndef NN_MOVE_H
#define NN_MOVE_H

#include <stdint.h>

#define NN_MOVE_LOOPS 6

typedef struct {
    int32_t turns[NN_MOVE_LOOPS], in_step[NN_MOVE_LOOPS], out_step[NN_MOVE_LOOPS];
    int32_t in_offset, out_offset, size;
} nn_move_params;

void nn_move(const nn_move_params *p, const void *source, void *target);

#endif
