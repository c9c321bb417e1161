#include "nn_threes.h"

#if !defined(__thumb__) /* nn_threes_product_arm.S */

void nn_threes_product(const uint32_t *part, const uint8_t *weights, int32_t n, uint32_t sums[8])
{
    const uint8_t *end = weights + 4 * n;
    uint32_t x0 = part[0], y0 = part[1];
    uint32_t x1 = x0, x2 = x0, x3 = x0, y1 = y0, y2 = y0, y3 = y0;
    /* not unrolled: compilers would add the products up first, for which registers lack */
    for (part += 2; weights != end; part += 2, weights += 4) {
        uint32_t x = part[0], y = part[1];
        x0 += x * weights[0];
        y0 += y * weights[0];
        x1 += x * weights[1];
        y1 += y * weights[1];
        x2 += x * weights[2];
        y2 += y * weights[2];
        x3 += x * weights[3];
        y3 += y * weights[3];
    }
    sums[0] = x0;
    sums[1] = y0;
    sums[2] = x1;
    sums[3] = y1;
    sums[4] = x2;
    sums[5] = y2;
    sums[6] = x3;
    sums[7] = y3;
}

#endif
