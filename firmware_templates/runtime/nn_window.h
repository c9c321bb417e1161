/*
 * Which taps of a sliding window lie inside the image.
 */
#ifndef NN_WINDOW_H
#define NN_WINDOW_H

#include <stdint.h>

/* First tap k with origin + k * step >= 0. */
static inline int32_t nn_first_tap(int32_t origin, int32_t step)
{
    return origin >= 0 ? 0 : (step - 1 - origin) / step;
}

/* One past the last tap k < taps with origin + k * step < extent. */
static inline int32_t nn_end_tap(int32_t origin, int32_t step, int32_t taps, int32_t extent)
{
    int32_t room = origin >= extent ? 0 : (extent - origin + step - 1) / step;
    return room < taps ? room : taps;
}

#endif
