/*
 * Depthwise outputs of four channels, tap by tap. ARMv7E-M with FPU (the FPU's registers hold what
 * the core's cannot). nn_depthwise_taps.h says what the weights look like.
 *
 * void nn_depthwise_s8_taps[_relu](const int8_t *in, const uint32_t *weights, int8_t *out,
 *                                  const nn_depthwise_window *window);
 *
 * SXTB16 widens channels 0 and 2 of a tap, and of its weights, then 1 and 3: a multiplication of
 * the low halves (SMLABB) and one of the high halves (SMLATT) for each.
 *
 * r0 image, r1 weights, r2 bytes from tap to tap, r3 end of the weights that come in pairs of taps,
 * r4 to r7 sums, r8 and r9 taps, r10 and r11 their weights, r12 and lr halves of these.
 */
#include "nn_depthwise_taps_layout.h"

/* Of the channels: s0 to s3 biases, s4 to s7 multipliers, s8 to s11 rounding constants. */
#define SHIFTS s12 /* a byte for each; shifts look at the lowest only */
/* Of the windows. */
#define IN_STEP    s13
#define OUT_STEP   s14
#define TAPS       s15 /* weights of the first tap */
#define ROWS       s16 /* of the kernel */
#define ROW_STEP   s17
#define PAIR_BYTES s18 /* weights of a row's taps that make pairs */
#define ODD_TAP    s19 /* 1: one more tap in a row */
/* Where the loops are. */
#define IN        s20 /* this window */
#define OUT       s21
#define LEFT      s22 /* outputs */
#define ROW       s23 /* this row of the window */
#define ROWS_LEFT s24

    .syntax unified
    .thumb
    .arch armv7e-m
    .fpu fpv4-sp-d16

/* The four channels of \x times those of \w, both of which it overwrites. */
    .macro tap x, w
    sxtb16  r12, \x
    sxtb16  lr, \w
    smlabb  r4, r12, lr, r4
    smlatt  r6, r12, lr, r6
    sxtb16  \x, \x, ror #8
    sxtb16  \w, \w, ror #8
    smlabb  r5, \x, \w, r5
    smlatt  r7, \x, \w, r7
    .endm

/* The sum \a becomes the code of channel \c, stored at r1; its shift is in r10's lowest byte. */
    .macro store c, a, multiplier, rounding, relu
    vmov    r8, \multiplier
    vmov    r9, \rounding
    lsl     \a, \a, #1
    .if \relu /* the sign's correction of the rounding is hidden by the clamp */
    smmlar  \a, \a, r8, r9
    .else
    smmulr  \a, \a, r8
    add     \a, \a, \a, asr #31
    add     \a, \a, r9
    .endif
    asr     \a, \a, r10
    ssat    \a, #8, \a
    strb    \a, [r1, #\c]
    .endm

    .macro taps name, relu
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r4-r11, lr}
    vpush   {s16-s24}
    vmov    IN, r0
    vmov    OUT, r2
    ldr     r5, [r3, #NN_DEPTHWISE_TAPS_OUTPUTS]
    ldr     r6, [r3, #NN_DEPTHWISE_TAPS_IN_STEP]
    ldr     r7, [r3, #NN_DEPTHWISE_TAPS_OUT_STEP]
    ldr     r8, [r3, #NN_DEPTHWISE_TAPS_ROWS]
    ldr     r9, [r3, #NN_DEPTHWISE_TAPS_COLUMNS]
    ldr     r10, [r3, #NN_DEPTHWISE_TAPS_ROW_STEP]
    ldr     r2, [r3, #NN_DEPTHWISE_TAPS_STEP]
    ldr     r11, [r3, #NN_DEPTHWISE_TAPS_ZERO_TERM]
    vmov    LEFT, r5
    vmov    IN_STEP, r6
    vmov    OUT_STEP, r7
    vmov    ROWS, r8
    vmov    ROW_STEP, r10
    and     r12, r9, #1
    vmov    ODD_TAP, r12
    sub     r9, r9, r12
    lsl     r9, r9, #2
    vmov    PAIR_BYTES, r9
    ldr     r3, [r1], #4
    vmov    SHIFTS, r3
    vldm    r1!, {s0-s7}
    vmov    TAPS, r1
    .irp rounding, s8, s9, s10, s11
    lsl     r4, r11, r3
    asr     r4, r4, #1
    vmov    \rounding, r4
    lsr     r3, r3, #8
    .endr
.Loutput\@:
    vmov    r0, IN
    vmov    r1, TAPS
    vmov    r3, ROWS
    vmov    r4, s0
    vmov    r5, s1
    vmov    r6, s2
    vmov    r7, s3
.Lrow\@:
    vmov    ROW, r0
    vmov    ROWS_LEFT, r3
    vmov    r3, PAIR_BYTES
    cmp     r3, #0
    beq     .Lodd\@
    add     r3, r1, r3
.Lpair\@:
    ldr     r8, [r0]
    ldr     r9, [r0, r2]
    ldr     r10, [r1], #4
    ldr     r11, [r1], #4
    add     r0, r0, r2, lsl #1
    tap     r8, r10
    tap     r9, r11
    cmp     r1, r3
    bne     .Lpair\@
.Lodd\@:
    vmov    r3, ODD_TAP
    cmp     r3, #0
    beq     .Leven\@
    ldr     r8, [r0]
    ldr     r10, [r1], #4
    tap     r8, r10
.Leven\@:
    vmov    r3, ROWS_LEFT
    subs    r3, r3, #1
    beq     .Lstore\@
    vmov    r0, ROW
    vmov    r8, ROW_STEP
    add     r0, r0, r8
    b       .Lrow\@
.Lstore\@:
    vmov    r1, OUT
    vmov    r10, SHIFTS
    store   0, r4, s4, s8, \relu
    lsr     r10, r10, #8
    store   1, r5, s5, s9, \relu
    lsr     r10, r10, #8
    store   2, r6, s6, s10, \relu
    lsr     r10, r10, #8
    store   3, r7, s7, s11, \relu
    vmov    r4, OUT_STEP
    vmov    r0, IN
    vmov    r5, IN_STEP
    vmov    r6, LEFT
    add     r1, r1, r4
    add     r0, r0, r5
    subs    r6, r6, #1
    vmov    OUT, r1
    vmov    IN, r0
    vmov    LEFT, r6
    bne     .Loutput\@
    vpop    {s16-s24}
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    taps    nn_depthwise_s8_taps, 0
    taps    nn_depthwise_s8_taps_relu, 1
