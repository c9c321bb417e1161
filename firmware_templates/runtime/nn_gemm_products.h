/* clang-format off: assembly */
/*
 * The products of two columns with the paired-byte weights of four output channels, and their
 * codes: macros for ARMv7E-M, for the files that nn_gemm.h and nn_gemm_group.h describe.
 */
#ifndef NN_GEMM_PRODUCTS_H
#define NN_GEMM_PRODUCTS_H

#include "nn_gemm_layout.h"

#define ROUND     8  /* pairs of K that are unrolled */
#define MAC_BYTES 52 /* of code for one of them */

/* The products of a pair of K, whose columns are in r2 and r3 and weights in r12 and lr.
 * r4 to r7: first pixel, D0 and 256 D1 + D0 of channels 0 1 and 2 3; r8 to r11: second pixel. */
.macro products b0=r8, b1=r9, b2=r10, b3=r11
    smlad   r9, r12, r3, \b1
    smlad   r5, r12, r2, r5
    sxtb16  r12, r12
    smlad   r11, lr, r3, \b3
    smlad   r7, lr, r2, r7
    sxtb16  lr, lr
    smlad   r8, r12, r3, \b0
    smlad   r4, r12, r2, r4
    smlad   r10, lr, r3, \b2
    smlad   r6, lr, r2, r6
    .endm

/* Number \k of a round. The weights' pointer moves on in the first one, so a round that begins
 * later begins with the pointer at its end; the columns' pointer moves on in the last one. */
    .macro mac k
    .if \k == ROUND - 1
    ldr     r3, [r0, #8 * ROUND + 4]
    ldr     r2, [r0, #8 * ROUND]!
    .else
    ldr.n   r2, [r0, #8 * \k + 8]
    ldr.n   r3, [r0, #8 * \k + 12]
    .endif
    .if \k == 0
    ldr     lr, [r1, #4]
    ldr     r12, [r1], #8 * ROUND
    .else
    ldr     r12, [r1, #8 * (\k - ROUND)]
    ldr     lr, [r1, #8 * (\k - ROUND) + 4]
    .endif
    products
    .endm

/* The accumulators \a and \b of an odd channel, times 256 of it; \da and \db are the partners' D0. */
    .macro times_256_high a, b, da, db
    sub     \a, \a, \da
    sub     \b, \b, \db
    .endm

    .macro times_256_low a, b
    lsl     \a, \a, #8
    lsl     \b, \b, #8
    .endm

    .macro double_high a, b, da, db
    sub     \a, \a, \da
    sub     \b, \b, \db
    asr     \a, \a, #7
    asr     \b, \b, #7
    .endm

    .macro double_low a, b
    lsl     \a, \a, #1
    lsl     \b, \b, #1
    .endm

/* Twice the sums in \a and \b become codes, rounded twice. */
    .macro requantize a, b, multiplier, rounding, shift
    smmulr  \a, \a, \multiplier
    smmulr  \b, \b, \multiplier
    add     \a, \a, \a, asr #31
    add     \b, \b, \b, asr #31
    add     \a, \a, \rounding
    add     \b, \b, \rounding
    asr     \a, \a, \shift
    asr     \b, \b, \shift
    ssat    \a, #8, \a
    ssat    \b, #8, \b
    .endm

/* 256 times the sums in \a and \b become codes, rounded down once. */
    .macro round_down a, b, factor, offset
    smmla   \a, \a, \factor, \offset
    smmla   \b, \b, \factor, \offset
    ssat    \a, #8, \a, asr #NN_GEMM_FLOOR_SHIFT
    ssat    \b, #8, \b, asr #NN_GEMM_FLOOR_SHIFT
    .endm

    .macro store i, a, b
    strb    \a, [r2, #\i]
    strb    \b, [r3, #\i]
    .endm

/* The last store of a group moves the pointers on by four. */
    .macro store_last a, b
    strb    \a, [r2, #4]!
    strb    \b, [r3, #4]!
    .endm

    .macro outputs_twice_rounded
    ldm     r1!, {r0, r12, lr}
    double_high r5, r9, r4, r8
    requantize r5, r9, r0, r12, lr
    store   3, r5, r9
    ldm     r1!, {r0, r12, lr}
    double_low r4, r8
    requantize r4, r8, r0, r12, lr
    store   2, r4, r8
    ldm     r1!, {r0, r4, r5, r8, r12, lr}
    double_high r7, r11, r6, r10
    requantize r7, r11, r0, r4, r5
    store   5, r7, r11
    double_low r6, r10
    requantize r6, r10, r8, r12, lr
    store_last r6, r10
    .endm

    .macro outputs_rounded_down
    ldm     r1!, {r0, r12}
    times_256_high r5, r9, r4, r8
    round_down r5, r9, r0, r12
    store   3, r5, r9
    ldm     r1!, {r0, r5, r9, r12}
    times_256_low r4, r8
    round_down r4, r8, r0, r5
    store   2, r4, r8
    times_256_high r7, r11, r6, r10
    round_down r7, r11, r9, r12
    store   5, r7, r11
    ldm     r1!, {r0, r12}
    times_256_low r6, r10
    round_down r6, r10, r0, r12
    store_last r6, r10
    .endm

#endif
