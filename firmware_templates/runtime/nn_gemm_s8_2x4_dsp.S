/*
 * Matrix product of two columns (pixels) with int8 weights, four output channels at a time, and their
 * requantization. ARMv7E-M with FPU (the FPU's registers hold what the core's cannot).
 *
 * void nn_gemm_s8_2x4(const uint32_t *columns, const uint32_t *weights, int8_t *out,
 *                     const nn_gemm_shape *shape);
 * void nn_gemm_s8_2x4_relu(...same...);
 *
 * columns  For each pair of K two words: two int16 of the first pixel, two of the second.
 * weights  For each group of four channels: 4 bias words, 2 words for each pair of K, 12 words of
 *          requantization. See nn_gemm.h for their meaning.
 * out      The first pixel's channel 0; the second pixel lies shape->out_stride bytes after it.
 *
 * A weight word has two half-words h = 256 w1 + w0, of the K pair's two rows, for two channels.
 * SMLAD with h sums 256 D1 + D0; SXTB16 leaves w0, whose SMLAD sums D0. One unpacking serves two
 * channels: 16 products in 8 SMLAD, 2 SXTB16 and 4 LDR. D1 = (sum - D0) >> 8, once for each output.
 */
#include "nn_gemm_layout.h"

    .syntax unified
    .thumb
    .arch armv7e-m
    .fpu fpv4-sp-d16

/* One pair of K at word offset \k of both streams.
 * r4 to r7: first pixel, D0 and 256 D1 + D0 of channels 0 1 and 2 3; r8 to r11: second pixel. */
    .macro mac k
    ldr     r2, [r0, #\k * 8]
    ldr     r3, [r0, #\k * 8 + 4]
    ldr     r12, [r1, #\k * 8]
    ldr     lr, [r1, #\k * 8 + 4]
    smlad   r5, r12, r2, r5
    smlad   r9, r12, r3, r9
    sxtb16  r12, r12
    smlad   r7, lr, r2, r7
    smlad   r11, lr, r3, r11
    sxtb16  lr, lr
    smlad   r4, r12, r2, r4
    smlad   r8, r12, r3, r8
    smlad   r6, lr, r2, r6
    smlad   r10, lr, r3, r10
    .endm

/* Twice the accumulator in \a becomes a code: r3 multiplier, r12 rounding and zero point, lr shift. */
    .macro requantize a, relu
    .if \relu /* the sign's correction of the rounding is hidden by the clamp */
    smmlar  \a, \a, r3, r12
    .else
    smmulr  \a, \a, r3
    add     \a, \a, \a, asr #31
    add     \a, \a, r12
    .endif
    asr     \a, \a, lr
    ssat    \a, #8, \a
    .endm

/* Channel \i of both pixels from the sums \a and \b; \da and \db are the partners' D0. */
    .macro high_channel i, a, b, da, db, relu
    ldm     r1!, {r3, r12, lr}
    sub     \a, \a, \da
    sub     \b, \b, \db
    asr     \a, \a, #7
    asr     \b, \b, #7
    requantize \a, \relu
    requantize \b, \relu
    strb    \a, [r2, #\i]
    vmov    r3, s4
    strb    \b, [r3, #\i]
    .endm

    .macro low_channel i, a, b, relu
    ldm     r1!, {r3, r12, lr}
    lsl     \a, \a, #1
    lsl     \b, \b, #1
    requantize \a, \relu
    requantize \b, \relu
    strb    \a, [r2, #\i]
    vmov    r3, s4
    strb    \b, [r3, #\i]
    .endm

    .macro gemm name, relu
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r4-r11, lr}
    vmov    s0, r0                          /* columns */
    vmov    s1, r2                          /* out of the first pixel */
    ldr     r12, [r3, #NN_GEMM_OUT_STRIDE]
    add     r2, r2, r12
    vmov    s4, r2                          /* out of the second pixel */
    ldr     r12, [r3, #NN_GEMM_PAIRS]
    bic     r2, r12, #7
    add     r2, r0, r2, lsl #3
    vmov    s2, r2                          /* end of the part that is unrolled by eight */
    add     r2, r0, r12, lsl #3
    vmov    s5, r2                          /* end */
    ldr     r12, [r3, #NN_GEMM_GROUPS]
    vmov    s3, r12

.Lgroup\@:
    ldm     r1!, {r4-r7}
    mov     r8, r4
    mov     r9, r5
    mov     r10, r6
    mov     r11, r7
    vmov    r2, s2
    cmp     r0, r2
    beq     .Ltail\@
.Leight\@:
    mac     0
    mac     1
    mac     2
    mac     3
    mac     4
    mac     5
    mac     6
    mac     7
    add     r0, r0, #64
    vmov    r2, s2
    add     r1, r1, #64
    cmp     r0, r2
    bne     .Leight\@
.Ltail\@:
    vmov    r2, s5
    cmp     r0, r2
    beq     .Lstore\@
.Ltwo\@:
    mac     0
    mac     1
    add     r0, r0, #16
    vmov    r2, s5
    add     r1, r1, #16
    cmp     r0, r2
    bne     .Ltwo\@
.Lstore\@:
    vmov    r2, s1
    high_channel 1, r5, r9, r4, r8, \relu
    low_channel  0, r4, r8, \relu
    high_channel 3, r7, r11, r6, r10, \relu
    low_channel  2, r6, r10, \relu
    vmov    r3, s4
    add     r2, r2, #4
    add     r3, r3, #4
    vmov    s1, r2
    vmov    s4, r3
    vmov    r3, s3
    vmov    r0, s0
    subs    r3, r3, #1
    vmov    s3, r3
    bne     .Lgroup\@
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    gemm    nn_gemm_s8_2x4, 0
    gemm    nn_gemm_s8_2x4_relu, 1
