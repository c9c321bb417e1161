/*
 * Sums of int8 values that lie a stride apart, for one channel or for four neighbours at once,
 * which are one word. For cores with the least significant byte first.
 */
#ifndef NN_SUM_H
#define NN_SUM_H

#include <stdint.h>

#include "nn_dsp.h"

#define NN_SUM_BYTES 0x00FF00FFu /* bytes 0 and 2 of a word */
#define NN_SUM_RUN   256         /* so many bytes' sum fits 16 bits */

static inline int32_t nn_sum1(const int8_t *in, int32_t stride, int32_t n)
{
    int32_t sum = 0;
    for (; n > 0; n--, in += stride) {
        sum += *in;
    }
    return sum;
}

/* sums[c] += in[c], in[c + stride] ... in[c + (n - 1) * stride] for c < 4. */
static inline void nn_sum4(const int8_t *in, int32_t stride, int32_t n, int32_t sums[4])
{
    while (n > 0) {
        int32_t run = n < NN_SUM_RUN ? n : NN_SUM_RUN;
        uint32_t even = 0, odd = 0; /* two sums each, of bytes made unsigned by adding 128 */
        n -= run;
        for (int32_t i = run >> 1; i > 0; i--, in += 2 * stride) {
            uint32_t x = nn_load4(in) ^ 0x80808080u, y = nn_load4(in + stride) ^ 0x80808080u;
            even += (x & NN_SUM_BYTES) + (y & NN_SUM_BYTES);
            odd += ((x >> 8) & NN_SUM_BYTES) + ((y >> 8) & NN_SUM_BYTES);
        }
        if (run & 1) {
            uint32_t x = nn_load4(in) ^ 0x80808080u;
            even += x & NN_SUM_BYTES;
            odd += (x >> 8) & NN_SUM_BYTES;
            in += stride;
        }
        sums[0] += (int32_t)(even & 0xFFFFu) - 128 * run;
        sums[1] += (int32_t)(odd & 0xFFFFu) - 128 * run;
        sums[2] += (int32_t)(even >> 16) - 128 * run;
        sums[3] += (int32_t)(odd >> 16) - 128 * run;
    }
}

#endif
