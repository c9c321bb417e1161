/*
 * Four sums at a time, as nn_add_mve.h defines them. ARMv8.1-M with integer MVE.
 *
 * void nn_add_s8_mve_sum(const nn_add_mve *p, const int8_t *large, const int8_t *small, int8_t *out,
 *                        int32_t count);
 * void nn_add_s8_mve_sum_relu(...same...);
 *
 * The code ends up in a word's highest byte, because a saturating shift to there clamps it.
 */
    .syntax unified
    .thumb
    .arch   armv8.1-m.main
    .arch_extension mve

    .macro  sum name, relu
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r4-r11, lr}
    ldr     r12, [sp, #9 * 4]
    ldm     r0, {r4-r11}
    dlstp.32 lr, r12
1:
    vldrb.s32 q1, [r2], #4
    vldrb.s32 q0, [r1], #4
    vshl.s32 q1, r4
    vadd.i32 q1, q1, r5
    vqrdmulh.s32 q1, q1, r6
    vshl.i32 q0, q0, #19
    vshr.s32 q2, q1, #31
    vadd.i32 q1, q1, q2
    vrshl.s32 q1, r7
    vadd.i32 q0, q0, r8
    vadd.i32 q0, q0, q1
    vqrdmulh.s32 q0, q0, r9
    .if \relu == 0 /* else the clamp hides it */
    vshr.s32 q2, q0, #31
    vadd.i32 q0, q0, q2
    .endif
    vqadd.s32 q0, q0, r10
    vqshl.s32 q0, r11
    vshr.u32 q0, q0, #24
    vstrb.32 q0, [r3], #4
    letp    lr, 1b
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    sum     nn_add_s8_mve_sum, 0
    sum     nn_add_s8_mve_sum_relu, 1
