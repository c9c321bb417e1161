/*
 * Product of one row with int8 weights, eight output channels at a time, and their requantization.
 * ARMv7E-M with FPU (the FPU's registers hold what the core's cannot).
 *
 * const uint32_t *nn_fully_connected_1x8_*(const void *x, const uint32_t *weights, int8_t *out,
 *                                          const nn_fully_connected_shape *shape);
 *
 * x        The row as int16, a word for each pair of K; in the _direct forms as int8.
 * weights  For each group: 8 words of bias, 4 words for each pair of K and, in the _channel forms,
 *          16 words of requantization. See nn_fully_connected_dsp.h.
 *
 * A weight word has two half-words h = 256 w1 + w0, of the K pair's two rows, for two channels.
 * SMLAD with h sums 256 D1 + D0; SXTB16 leaves w0, whose SMLAD sums D0. D1 = (sum - D0) >> 8, once
 * for each output. Loads stand in runs, for the first one takes a cycle longer than the others.
 */
#include "nn_fully_connected_layout.h"

    .syntax unified
    .thumb
    .arch armv7e-m
    .fpu fpv4-sp-d16

/* One weight word for the sums \low (D0) and \high (256 D1 + D0). */
    .macro mac low, high, w, x
    smlad   \high, \w, \x, \high
    sxtb16  \w, \w
    smlad   \low, \w, \x, \low
    .endm

/* The first words of weights and row, at r1 + \w and r0 + \x once these have moved by the steps. */
    .macro first_words wreg, xreg, x, w, x_step, w_step
    .if \x_step
    ldr     \wreg, [r1], #\w_step
    ldr     \xreg, [r0], #\x_step
    .else
    ldr     \wreg, [r1, #\w]
    ldr     \xreg, [r0, #\x]
    .endif
    .endm

/* Two pairs of K, the row as int16: ten loads in three runs. */
    .macro two_pairs x, w, x_step=0, w_step=0
    first_words r3, r2, \x, \w, \x_step, \w_step
    ldr     r12, [r1, #\w + 4]
    ldr     lr, [r1, #\w + 8]
    mac     r4, r5, r3, r2
    mac     r6, r7, r12, r2
    mac     r8, r9, lr, r2
    ldr     r3, [r1, #\w + 12]
    ldr     r12, [r0, #\x + 4]
    ldr     lr, [r1, #\w + 16]
    mac     r10, r11, r3, r2
    mac     r4, r5, lr, r12
    ldr     r2, [r1, #\w + 20]
    ldr     r3, [r1, #\w + 24]
    ldr     lr, [r1, #\w + 28]
    mac     r6, r7, r2, r12
    mac     r8, r9, r3, r12
    mac     r10, r11, lr, r12
    .endm

/* Two pairs of K, the row as int8, but for the last weight word. r12: the second pair. */
    .macro two_pairs_direct x, w, x_step=0, w_step=0
    first_words r3, r12, \x, \w, \x_step, \w_step
    ldr     lr, [r1, #\w + 4]
    sxtb16  r2, r12
    mac     r4, r5, r3, r2
    mac     r6, r7, lr, r2
    ldr     r3, [r1, #\w + 8]
    ldr     lr, [r1, #\w + 12]
    sxtb16  r12, r12, ror #8
    mac     r8, r9, r3, r2
    mac     r10, r11, lr, r2
    ldr     r2, [r1, #\w + 16]
    ldr     r3, [r1, #\w + 20]
    ldr     lr, [r1, #\w + 24]
    mac     r4, r5, r2, r12
    mac     r6, r7, r3, r12
    mac     r8, r9, lr, r12
    .endm

/* Four pairs of K, the row as int8: eighteen loads in seven runs. */
    .macro four_pairs_direct x, w, x_step=0, w_step=0
    two_pairs_direct \x, \w, \x_step, \w_step
    ldr     r3, [r1, #\w + 28]
    ldr     lr, [r0, #\x + 4]
    ldr     r2, [r1, #\w + 32]
    mac     r10, r11, r3, r12
    sxtb16  r12, lr
    mac     r4, r5, r2, r12
    ldr     r2, [r1, #\w + 36]
    ldr     r3, [r1, #\w + 40]
    mac     r6, r7, r2, r12
    mac     r8, r9, r3, r12
    ldr     r2, [r1, #\w + 44]
    ldr     r3, [r1, #\w + 48]
    mac     r10, r11, r2, r12
    sxtb16  lr, lr, ror #8
    mac     r4, r5, r3, lr
    ldr     r2, [r1, #\w + 52]
    ldr     r3, [r1, #\w + 56]
    ldr     r12, [r1, #\w + 60]
    mac     r6, r7, r2, lr
    mac     r8, r9, r3, lr
    mac     r10, r11, r12, lr
    .endm

/* Twice the sum in \a is the code of channel \i. r3 multiplier, r12 rounding, lr half shift. */
    .macro code i, a, channel, relu
    .if \channel
    ldm     r1!, {r3, lr}
    vmov    r12, s4
    lsl     r12, r12, lr
    .endif
    .if \relu /* the sign's correction of the rounding is hidden by the clamp */
    smmlar  \a, \a, r3, r12
    .else
    smmulr  \a, \a, r3
    add     \a, \a, \a, asr #31
    add     \a, \a, r12
    .endif
    asr     \a, \a, lr
    ssat    \a, #8, \a, asr #1
    strb    \a, [r2, #\i]
    .endm

/* Channels \i and \i + 1. */
    .macro two_codes i, low, high, channel, relu
    sub     \high, \high, \low
    asr     \high, \high, #7
    lsl     \low, \low, #1
    code    \i + 1, \high, \channel, \relu
    code    \i, \low, \channel, \relu
    .endm

    .macro fully_connected name, channel, relu, direct
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r4-r11, lr}
    vmov    s0, r0                          /* x */
    vmov    s1, r2                          /* out */
    ldr     r12, [r3, #NN_FULLY_CONNECTED_PAIRS]
    bic     r2, r12, #7
    add     r2, r0, r2, lsl #2 - \direct
    vmov    s2, r2                          /* end of the part that is unrolled by eight */
    add     r2, r0, r12, lsl #2 - \direct
    vmov    s3, r2                          /* end */
    ldr     r12, [r3, #NN_FULLY_CONNECTED_OFFSET]
    .if \channel
    vmov    s4, r12
    .else
    ldr     lr, [r3, #NN_FULLY_CONNECTED_HALF_SHIFT]
    lsl     r12, r12, lr
    vmov    s4, r12                         /* rounding */
    vmov    s5, lr
    ldr     r12, [r3, #NN_FULLY_CONNECTED_MULTIPLIER]
    vmov    s6, r12
    .endif
    ldr     r12, [r3, #NN_FULLY_CONNECTED_GROUPS]
    vmov    s7, r12

.Lgroup\@:
    ldm     r1!, {r4-r11}
    vmov    r2, s2
    cmp     r0, r2
    beq     .Ltail\@
.Leight\@:
    .if \direct
    four_pairs_direct -16, -128, 16, 128
    four_pairs_direct -8, -64
    .else
    two_pairs -32, -128, 32, 128
    two_pairs -24, -96
    two_pairs -16, -64
    two_pairs -8, -32
    .endif
    vmov    r2, s2
    cmp     r0, r2
    bne     .Leight\@
.Ltail\@:
    vmov    r2, s3
    cmp     r0, r2
    beq     .Lstore\@
.Ltwo\@:
    .if \direct
    two_pairs_direct -4, -32, 4, 32
    ldr     r3, [r1, #-4]
    mac     r10, r11, r3, r12
    .else
    two_pairs -8, -32, 8, 32
    .endif
    vmov    r2, s3
    cmp     r0, r2
    bne     .Ltwo\@
.Lstore\@:
    vmov    r2, s1
    .if !\channel
    vmov    r3, s6
    vmov    r12, s4
    vmov    lr, s5
    .endif
    two_codes 0, r4, r5, \channel, \relu
    two_codes 2, r6, r7, \channel, \relu
    two_codes 4, r8, r9, \channel, \relu
    two_codes 6, r10, r11, \channel, \relu
    add     r2, r2, #8
    vmov    s1, r2
    vmov    r3, s7
    vmov    r0, s0
    subs    r3, r3, #1
    vmov    s7, r3
    bne     .Lgroup\@
    mov     r0, r1
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    fully_connected nn_fully_connected_1x8_channel, 1, 0, 0
    fully_connected nn_fully_connected_1x8_channel_relu, 1, 1, 0
    fully_connected nn_fully_connected_1x8_tensor, 0, 0, 0
    fully_connected nn_fully_connected_1x8_tensor_relu, 0, 1, 0
    fully_connected nn_fully_connected_1x8_direct_channel, 1, 0, 1
    fully_connected nn_fully_connected_1x8_direct_channel_relu, 1, 1, 1
    fully_connected nn_fully_connected_1x8_direct_tensor, 0, 0, 1
    fully_connected nn_fully_connected_1x8_direct_tensor_relu, 0, 1, 1
