/*
 * Sums of two int8 tensors by tables of their rescaled values, four elements at a time. ARMv7E-M.
 *
 * void nn_add_fours(const nn_add_sum *sum, const int8_t *in1, const int8_t *in2, int8_t *out,
 *                   const int32_t *tables);
 * void nn_add_fours_relu(...same...);
 *
 * Loads stand in runs of eight, for the first one of a run takes a cycle longer than the others.
 */
#include "nn_add_layout.h"

    .syntax unified
    .thumb
    .arch armv7e-m

/* The code of the doubled sum in \a. r6 multiplier, r7 rounding, r8 shift. */
    .macro code a, relu
    .if \relu /* the sign's correction of the rounding is hidden by the clamp */
    smmlar  \a, \a, r6, r7
    .else
    smmulr  \a, \a, r6
    add     \a, \a, \a, asr #31
    add     \a, \a, r7
    .endif
    asr     \a, \a, r8
    ssat    \a, #8, \a
    .endm

/* Elements \i and \i + 1. r1, r2 inputs, r3 output, r4, r5 their tables. */
    .macro two i, relu
    ldrb    r9, [r1, #\i]
    ldrb    r10, [r2, #\i]
    ldrb    r11, [r1, #\i + 1]
    ldrb    r12, [r2, #\i + 1]
    ldr     r9, [r4, r9, lsl #2]
    ldr     r10, [r5, r10, lsl #2]
    ldr     r11, [r4, r11, lsl #2]
    ldr     r12, [r5, r12, lsl #2]
    add     r9, r9, r10
    add     r11, r11, r12
    code    r9, \relu
    code    r11, \relu
    strb    r9, [r3, #\i]
    strb    r11, [r3, #\i + 1]
    .endm

    .macro add_fours name, relu
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r4-r11, lr}
    ldr     r4, [sp, #36]                   /* tables */
    ldr     r5, [r0, #NN_ADD_SECOND]
    add     r5, r4, r5, lsl #2
    ldr     r6, [r0, #NN_ADD_MULTIPLIER]
    ldr     r7, [r0, #NN_ADD_ROUNDING]
    ldr     r8, [r0, #NN_ADD_SHIFT]
    ldr     r0, [r0, #NN_ADD_COUNT]
    subs    r0, r0, #4
    blt     .Lend\@
.Lfour\@:
    two     0, \relu
    two     2, \relu
    add     r1, r1, #4
    add     r2, r2, #4
    add     r3, r3, #4
    subs    r0, r0, #4
    bge     .Lfour\@
.Lend\@:
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    add_fours nn_add_fours, 0
    add_fours nn_add_fours_relu, 1
