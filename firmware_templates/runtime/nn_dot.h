/*
 * Dot products of int8 vectors: the inner loop of convolution and fully connected layers. x and w
 * are contiguous; four filters at once read each x only once.
 */
#ifndef NN_DOT_H
#define NN_DOT_H

#include <stdint.h>

/* Sum over i < n of (x[i] - zero_point) * w[i]. */
static inline int32_t nn_dot(const int8_t *x, const int8_t *w, int32_t n, int32_t zero_point)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += (x[i] - zero_point) * w[i];
    }
    return sum;
}

/* sum[k] += the same with filter k, which starts at w + k * stride. */
static inline void nn_dot4(const int8_t *x, const int8_t *w, int32_t stride, int32_t n,
                           int32_t zero_point, int32_t sum[4])
{
    const int8_t *w1 = w + stride, *w2 = w1 + stride, *w3 = w2 + stride;
    int32_t s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];
    for (int32_t i = 0; i < n; i++) {
        int32_t value = x[i] - zero_point;
        s0 += value * w[i];
        s1 += value * w1[i];
        s2 += value * w2[i];
        s3 += value * w3[i];
    }
    sum[0] = s0;
    sum[1] = s1;
    sum[2] = s2;
    sum[3] = s3;
}

#endif
