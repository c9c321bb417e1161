/*
 * The parts of the exact integer Winograd convolution F(4x4, 3x3), for ARMv7E-M with FPU (the FPU's
 * registers hold what the core's cannot). nn_winograd.h has the transforms and the layouts.
 */
#include "nn_winograd_layout.h"

    .syntax unified
    .thumb
    .arch armv7e-m
    .fpu fpv4-sp-d16

    .macro function name
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    .endm

/* void nn_winograd_gemm_*(const uint32_t *v, const uint32_t *u, int32_t *m, int32_t pairs)
 *
 * One pair of channels, the \k'th after r0 (v) and r1 (u): two tiles and four output channels.
 * r4 to r7: first tile, r8 to r11: second tile. The very first products start the sums. */
    .macro mac a, x, y, first
    .if \first
    smuad   \a, \x, \y
    .else
    smlad   \a, \x, \y, \a
    .endif
    .endm

    .macro pair k, first
    ldr     r2, [r0, #\k * NN_WINOGRAD_V_PAIR]
    ldr     r3, [r0, #\k * NN_WINOGRAD_V_PAIR + 4]
    ldr     r12, [r1, #\k * NN_WINOGRAD_U_PAIR]
    ldr     lr, [r1, #\k * NN_WINOGRAD_U_PAIR + 4]
    mac     r4, r2, r12, \first
    mac     r8, r3, r12, \first
    mac     r5, r2, lr, \first
    mac     r9, r3, lr, \first
    ldr     r12, [r1, #\k * NN_WINOGRAD_U_PAIR + 8]
    ldr     lr, [r1, #\k * NN_WINOGRAD_U_PAIR + 12]
    mac     r6, r2, r12, \first
    mac     r10, r3, r12, \first
    mac     r7, r2, lr, \first
    mac     r11, r3, lr, \first
    .endm

    .macro block size, first
    pair    0, \first
    pair    1, 0
    .if \size == 8
    pair    2, 0
    pair    3, 0
    pair    4, 0
    pair    5, 0
    pair    6, 0
    pair    7, 0
    .endif
    .endm

    /* \size pairs, 2 or 8; with \more: any multiple of \size above that */
    .macro gemm name, size, more
    function \name
    push    {r4-r11, lr}
    vmov    s0, r2                          /* m */
    add     r12, r2, #NN_WINOGRAD_M
    vmov    s1, r12                         /* its end */
    .if \more
    add     r12, r3, r3, lsl #3
    lsl     r12, r12, #5
    sub     r12, r12, #\size * NN_WINOGRAD_V_PAIR
    vmov    s2, r12                         /* v of all pairs but the first block, in bytes */
    .endif
.Lposition\@:
    .if \more
    vmov    r2, s2
    add     r2, r0, r2
    vmov    s3, r2                          /* the last block of v */
    .endif
    block   \size, 1
    .if \more
.Lblock\@:
    add     r0, r0, #\size * NN_WINOGRAD_V_PAIR
    add     r1, r1, #\size * NN_WINOGRAD_U_PAIR
    block   \size, 0
    vmov    r2, s3
    cmp     r0, r2
    bne     .Lblock\@
    vmov    r2, s2                          /* back to the first block */
    sub     r0, r0, r2
    sub     r1, r1, r2, lsl #1
    .endif
    vmov    r2, s0
    vmov    r3, s1
    add     r0, r0, #8
    stm     r2!, {r4-r11}
    add     r1, r1, #16
    vmov    s0, r2
    cmp     r2, r3
    bne     .Lposition\@
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    gemm    nn_winograd_gemm_2, 2, 0
    gemm    nn_winograd_gemm_8, 8, 0
    gemm    nn_winograd_gemm_8n, 8, 1
    gemm    nn_winograd_gemm_2n, 2, 1

/* void nn_winograd_input(const int8_t *first, const int8_t *second, int32_t row, int32_t channels,
 *                        uint32_t *v)
 *
 * B' of r4 to r9, in both half-words; leaves the six results in r4, r5, r7, r8, r10, r9. */
    .macro input_1d
    ssub16  r10, r8, r6                     /* d4 - d2 */
    ssub16  r4, r4, r6
    sadd16  r4, r4, r4
    sadd16  r4, r4, r4
    sadd16  r4, r4, r10                     /* 4 (d0 - d2) + d4 - d2 */
    sadd16  r6, r6, r6
    sadd16  r6, r6, r6
    ssub16  r8, r8, r6                      /* d4 - 4 d2 */
    ssub16  r6, r7, r5                      /* d3 - d1 */
    ssub16  r9, r9, r7
    sadd16  r5, r5, r5
    sadd16  r5, r5, r5
    ssub16  r7, r7, r5                      /* d3 - 4 d1 */
    sadd16  r6, r6, r6
    sadd16  r5, r8, r7
    ssub16  r7, r8, r7
    sadd16  r8, r10, r6                     /* d4 - d2 + 2 (d3 - d1) */
    ssub16  r10, r10, r6
    sadd16  r6, r6, r6
    ssub16  r9, r9, r6                      /* d5 - d3 - 4 (d3 - d1) */
    .endm

    /* The six results to r12 + \at, \step bytes apart. */
    .macro input_store at, step
    str     r5, [r12, #\at + \step]
    str     r7, [r12, #\at + 2 * \step]
    str     r8, [r12, #\at + 3 * \step]
    str     r10, [r12, #\at + 4 * \step]
    str     r9, [r12, #\at + 5 * \step]
    .endm

    .macro input_load
    ldr     r4, [r0]
    ldr     r5, [r1]
    ldr     r6, [r1, r2]
    ldr     r7, [r1, r2, lsl #1]
    ldr     r8, [r1, r11]
    ldr     r9, [r1, r2, lsl #2]
    .endm

    .macro input_row at
    ldr     r4, [r12, #\at]
    ldr     r5, [r12, #\at + 8]
    ldr     r6, [r12, #\at + 16]
    ldr     r7, [r12, #\at + 24]
    ldr     r8, [r12, #\at + 32]
    ldr     r9, [r12, #\at + 40]
    input_1d
    input_store \at, 8
    .endm

    function nn_winograd_input
    push    {r4-r11, lr}
    ldr     r12, [sp, #36]                  /* v */
    add     r11, r2, r2, lsl #1             /* three rows */
    add     lr, r0, r3
    vmov    s0, lr                          /* end of the channels */
    add     lr, r3, r3, lsl #1
    lsl     lr, lr, #1
    sub     lr, lr, #4
    vmov    s1, lr                          /* six pixels less four channels */
.Lchannels:
    add     lr, r12, #6 * 8
.Lcolumn:                                   /* columns of the tile, to where the results will be */
    input_load
    sxtb16  r4, r4, ror #8
    sxtb16  r5, r5, ror #8
    sxtb16  r6, r6, ror #8
    sxtb16  r7, r7, ror #8
    sxtb16  r8, r8, ror #8
    sxtb16  r9, r9, ror #8
    input_1d
    str     r4, [r12, #NN_WINOGRAD_V_PAIR]
    input_store NN_WINOGRAD_V_PAIR, 48
    input_load
    add     r0, r0, r3
    add     r1, r1, r3
    sxtb16  r4, r4
    sxtb16  r5, r5
    sxtb16  r6, r6
    sxtb16  r7, r7
    sxtb16  r8, r8
    sxtb16  r9, r9
    input_1d
    input_store 0, 48
    str     r4, [r12], #8
    cmp     r12, lr
    bne     .Lcolumn
    sub     r12, r12, #6 * 8
    add     lr, r12, #NN_WINOGRAD_V_PAIR
.Lrow:                                      /* rows, in place */
    input_row NN_WINOGRAD_V_PAIR
    str     r4, [r12, #NN_WINOGRAD_V_PAIR]
    input_row 0
    str     r4, [r12], #48
    cmp     r12, lr
    bne     .Lrow
    add     r12, r12, #NN_WINOGRAD_V_PAIR
    vmov    lr, s1
    sub     r0, r0, lr
    sub     r1, r1, lr
    vmov    lr, s0
    cmp     r0, lr
    bne     .Lchannels
    pop     {r4-r11, pc}
    .size   nn_winograd_input, . - nn_winograd_input

/* void nn_winograd_weights(const int8_t *weights, int32_t channels, uint32_t *u)
 *
 * G of r7, r8, r9, in both half-words; six results to r2 + \at, \step bytes apart. Uses r10 to r12. */
    .macro weights_1d at, step
    sadd16  r10, r7, r9
    sadd16  r11, r10, r8
    ssub16  r10, r10, r8
    str     r11, [r2, #\at + \step]
    str     r10, [r2, #\at + 2 * \step]
    sadd16  r10, r9, r9
    sadd16  r8, r8, r8
    sadd16  r11, r10, r10
    sadd16  r9, r9, r10
    sadd16  r11, r11, r7                    /* g0 + 4 g2 */
    sadd16  r9, r9, r9
    sadd16  r10, r11, r8
    ssub16  r11, r11, r8
    str     r10, [r2, #\at + 3 * \step]
    str     r11, [r2, #\at + 4 * \step]
    str     r9, [r2, #\at + 5 * \step]
    sadd16  r10, r7, r7
    sadd16  r7, r7, r10
    sadd16  r7, r7, r7
    .endm

    .macro weights_row at
    ldr     r7, [r2, #\at]
    ldr     r8, [r2, #\at + 16]
    ldr     r9, [r2, #\at + 32]
    weights_1d \at, 16
    .endm

    function nn_winograd_weights
    push    {r4-r11, lr}
    add     r3, r1, r1, lsl #1              /* a row of weights */
    add     lr, r0, r1
    vmov    s0, lr                          /* end of the channels */
.Lweights:
    add     lr, r2, #3 * 16
.Lweights_column:
    ldr     r4, [r0]
    ldr     r5, [r0, r3]
    ldr     r6, [r0, r3, lsl #1]
    add     r0, r0, r1
    sxtb16  r7, r4, ror #8
    sxtb16  r8, r5, ror #8
    sxtb16  r9, r6, ror #8
    weights_1d NN_WINOGRAD_U_PAIR, 96
    str     r7, [r2, #NN_WINOGRAD_U_PAIR]
    sxtb16  r7, r4
    sxtb16  r8, r5
    sxtb16  r9, r6
    weights_1d 0, 96
    str     r7, [r2], #16
    cmp     r2, lr
    bne     .Lweights_column
    sub     r2, r2, #3 * 16
    add     lr, r2, #NN_WINOGRAD_U_PAIR
.Lweights_row:
    weights_row NN_WINOGRAD_U_PAIR
    str     r7, [r2, #NN_WINOGRAD_U_PAIR]
    weights_row 0
    str     r7, [r2], #96
    cmp     r2, lr
    bne     .Lweights_row
    add     r2, r2, #NN_WINOGRAD_U_PAIR
    sub     r0, r0, r3                      /* three filter columns back */
    add     r0, r0, #4
    vmov    lr, s0
    cmp     r0, lr
    bne     .Lweights
    pop     {r4-r11, pc}
    .size   nn_winograd_weights, . - nn_winograd_weights

/* void nn_winograd_output(const int32_t *m, const int32_t *requantize, int8_t *out,
 *                         const nn_winograd_steps *steps)
 *
 * A' of r4 to r9; leaves the four results in r4, r8, r7, r9. */
    .macro output_1d
    sub     r6, r5, r6                      /* m1 - m2 */
    rsb     r5, r6, r5, lsl #1              /* m1 + m2 */
    sub     r8, r7, r8                      /* m3 - m4 */
    rsb     r7, r8, r7, lsl #1              /* m3 + m4 */
    add     r4, r4, r7
    sub     r9, r9, r6
    sub     r4, r4, r5, lsl #2
    add     r9, r9, r8, lsl #1
    sub     r7, r7, r5
    sub     r8, r8, r6, lsl #1
    .endm

    /* A column of m at byte offset \at; its results go down the columns of t. */
    .macro output_column at, to
    ldr     r4, [r0, #\at]
    ldr     r5, [r0, #\at + 192]
    ldr     r6, [r0, #\at + 384]
    ldr     r7, [r0, #\at + 576]
    ldr     r8, [r0, #\at + 768]
    ldr     r9, [r0, #\at + 960]
    output_1d
    str     r8, [r1, #\to + 24]
    str     r7, [r1, #\to + 48]
    str     r9, [r1, #\to + 72]
    .endm

    /* A code of a sum times f in \a; r10 inverse of nine, r11 bias, r12 multiplier, lr rounding,
     * r3 shift. \down leaves twice the sum. */
    .macro code a, down, relu
    mul     \a, \a, r10
    add     \a, r11, \a, asr #\down
    .if \relu /* the sign's correction of the rounding is hidden by the clamp */
    smmlar  \a, \a, r12, lr
    .else
    smmulr  \a, \a, r12
    add     \a, \a, \a, asr #31
    add     \a, \a, lr
    .endif
    asr     \a, \a, r3
    ssat    \a, #8, \a
    .endm

    /* A row of t: four pixels. The factor f of the row is made equal by \double. */
    .macro output_row double, relu
    ldm     r1!, {r4-r9}
    output_1d
    .if \double
    lsl     r10, r10, #1
    .endif
    code    r4, 5, \relu
    code    r8, 4, \relu
    code    r7, 3, \relu
    code    r9, 3, \relu
    strb    r4, [r2]
    add     r5, r2, r0, lsl #1
    strb    r8, [r2, r0]
    vmov    r6, s1
    strb    r7, [r5]
    add     r2, r2, r6
    strb    r9, [r5, r0]
    .endm

    .macro output name, relu
    function \name
    push    {r4-r11, lr}
    sub     sp, sp, #96                     /* t, 4 rows of 6 */
    ldm     r3, {r4, r5}
    vmov    s0, r4                          /* bytes to the next pixel */
    vmov    s1, r5                          /* bytes to the next row */
    vmov    s2, r1                          /* requantization */
    vmov    s3, r2                          /* out */
    add     r3, r0, #16
    vmov    s4, r3                          /* end of the channels */
.Lchannel\@:
    mov     r1, sp
    add     r3, r1, #24
.Lcolumns\@:
    output_column 0, 0
    str     r4, [r1], #4
    output_column 32, 0
    str     r4, [r1], #4
    add     r0, r0, #64
    cmp     r1, r3
    bne     .Lcolumns\@
    sub     r0, r0, #188
    vmov    s5, r0                          /* m of the next channel */
    vmov    r4, s2
    ldm     r4!, {r11, r12, lr}
    ldr     r3, [r4], #4
    vmov    s2, r4
    vmov    r2, s3
    vmov    r0, s0
    movw    r10, #NN_WINOGRAD_INVERSE_9 & 0xffff
    movt    r10, #NN_WINOGRAD_INVERSE_9 >> 16
    mov     r1, sp
    output_row 0, \relu
    output_row 1, \relu
    output_row 1, \relu
    output_row 0, \relu
    vmov    r2, s3
    add     r2, r2, #1
    vmov    s3, r2
    vmov    r0, s5
    vmov    r3, s4
    cmp     r0, r3
    bne     .Lchannel\@
    add     sp, sp, #96
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    output  nn_winograd_output, 0
    output  nn_winograd_output_relu, 1
