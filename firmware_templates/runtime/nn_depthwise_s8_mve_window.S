/*
 * One window of a depthwise convolution for eight channels: its sums and their requantization.
 * ARMv8.1-M with integer MVE. nn_depthwise_mve_taps.h says what lies where.
 *
 * void nn_depthwise_s8_mve_window(const nn_depthwise_mve_window *window);
 */
#include "nn_depthwise_mve_taps_layout.h"

    .syntax unified
    .thumb
    .arch   armv8.1-m.main
    .arch_extension mve

/* Sums in \q become codes of 32 bits; r8 numbers, r12 zero point. */
    .macro  requantize q, place
    vldrw.32 q1, [r8, #32 + \place]
    vldrw.32 q2, [r8, #64 + \place]
    vqrdmulh.s32 \q, \q, q1
    vshr.s32 q3, \q, #31
    vadd.i32 \q, \q, q3
    vrshl.s32 \q, \q, q2
    vadd.i32 \q, \q, r12
    .endm

    .section .text.nn_depthwise_s8_mve_window, "ax", %progbits
    .align  2
    .global nn_depthwise_s8_mve_window
    .type   nn_depthwise_s8_mve_window, %function
    .thumb_func
nn_depthwise_s8_mve_window:
    push    {r4-r11, lr}
    vpush   {d8-d11}
    vldrh.16 q0, [r0, #NN_DEPTHWISE_MVE_TAPS_OFFSETS]
    ldm     r0, {r1-r12}
    vldrw.32 q4, [r8]                       /* biases */
    vldrw.32 q5, [r8, #16]
    cbz     r6, .Lsummed
.Lrow:
    wls     lr, r7, .Lsummed
.Ltap:
    vldrb.s16 q1, [r1, q0]
    vldrb.s16 q2, [r4], #8
    vadd.i16 q1, q1, r11
    vmullb.s16 q3, q1, q2
    vadd.i32 q4, q4, q3
    vmullt.s16 q3, q1, q2
    vadd.i32 q5, q5, q3
    add     r1, r1, r9
    le      lr, .Ltap
    add     r1, r1, r10
    add     r4, r4, r5
    subs    r6, r6, #1
    bne     .Lrow
.Lsummed:
    requantize q4, 0
    requantize q5, 16
    vqmovnb.s32 q4, q4                      /* the even channels, then the odd ones between them */
    vqmovnt.s32 q4, q5
    vqmovnb.s16 q4, q4
    vctp.16 r3
    vpst
    vstrbt.16 q4, [r2]
    vpop    {d8-d11}
    pop     {r4-r11, pc}
    .size   nn_depthwise_s8_mve_window, . - nn_depthwise_s8_mve_window
