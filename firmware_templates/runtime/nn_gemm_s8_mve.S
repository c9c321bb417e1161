/*
 * Matrix product of columns (pixels) with int8 weights, three pixels and four output channels at a
 * time, and their requantization. ARMv8.1-M with integer MVE.
 *
 * void nn_gemm_s8_mve(const nn_gemm_mve *p, const int8_t *in, int8_t *out, int32_t pixels);
 * void nn_gemm_s8_mve_relu(...same...);
 *
 * nn_gemm_mve.h says what lies where. VMLADAVA adds 16 products to one core register of even number.
 * Three pixels and two channels share their loads: 96 products in 5 loads, 6 VMLADAVA and the LETP of
 * a tail-predicated loop, which reads nothing behind k. Two such loops fill lanes 0, 2 and 1, 3 of a
 * vector for each pixel. One or two pixels that are left get four channels in one loop.
 * VQRDMULH and VRSHL round as the reference does but for negative halves of the shift, which the
 * sign's addition mends.
 */
#include "nn_gemm_mve_layout.h"

    .syntax unified
    .thumb
    .arch   armv8.1-m.main
    .arch_extension mve

    .equ    FRAME_OUT, 0            /* of the group of channels */
    .equ    FRAME_LEFT, 4           /* channels */
    .equ    FRAME_OUT_STEP, 8
    .equ    FRAME_ZERO_POINT, 12
    .equ    FRAME_IN, 16            /* of the next pixel */
    .equ    FRAME_PIXEL_OUT, 20
    .equ    FRAME_PIXELS, 24        /* left */
    .equ    FRAME_P, 28
    .equ    FRAME, 32

/* Two channels of three pixels, to lanes \a and \b of q0, q1 and q2. r3, r5, r7 pixels, r1 weights,
 * r9 channels, r11 k_padded, r12 k. */
    .macro  two_channels a, b
    ldrd    r0, r2, [r9], #8
    mov     r4, r0
    mov     r6, r2
    mov     r8, r0
    mov     r10, r2
    dlstp.8 lr, r12
1:
    vldrb.8 q3, [r3], #16
    vldrb.8 q4, [r1], #16
    vmladava.s8 r0, q3, q4
    vldrb.8 q5, [r5], #16
    vmladava.s8 r4, q5, q4
    vldrb.8 q6, [r7], #16
    vmladava.s8 r8, q6, q4
    vldrb.8 q7, [r1], #16
    vmladava.s8 r2, q3, q7
    vmladava.s8 r6, q5, q7
    vmladava.s8 r10, q6, q7
    letp    lr, 1b
    vmov    q0[\b], q0[\a], r0, r2
    vmov    q1[\b], q1[\a], r4, r6
    vmov    q2[\b], q2[\a], r8, r10
    sub     r3, r3, r11
    sub     r5, r5, r11
    sub     r7, r7, r11
    .endm

/* Sums in \q become codes: q3 multipliers, q4 shifts, r6 zero point. */
    .macro  requantize q, relu
    vqrdmulh.s32 \q, \q, q3
    .if \relu == 0 /* else the clamp hides it */
    vshr.s32 q5, \q, #31
    vadd.i32 \q, \q, q5
    .endif
    vrshl.s32 \q, \q, q4
    vadd.i32 \q, \q, r6
    vqmovnb.s32 \q, \q
    vqmovnb.s16 \q, \q
    .endm

    .macro  gemm name, relu
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r4-r11, lr}
    vpush   {d8-d15}
    sub     sp, sp, #FRAME
    ldrd    r4, r5, [r0, #NN_GEMM_MVE_OUT_C] /* and the zero point */
    strd    r4, r5, [sp, #FRAME_OUT_STEP]
    strd    r1, r2, [sp, #FRAME_IN]
    strd    r3, r0, [sp, #FRAME_PIXELS]
.Lpixels\@:
    ldrd    r4, r0, [sp, #FRAME_PIXELS]
    ldrd    r3, r2, [sp, #FRAME_IN]
    ldrd    r12, r11, [r0, #NN_GEMM_MVE_K]  /* and k_padded */
    ldrd    r6, r8, [r0, #NN_GEMM_MVE_IN_STEP] /* and out_c */
    ldrd    r1, r9, [r0, #NN_GEMM_MVE_WEIGHTS] /* and channels */
    strd    r2, r8, [sp, #FRAME_OUT]        /* and channels left */
    subs    r4, r4, #3
    blt     .Lfew\@
    str     r4, [sp, #FRAME_PIXELS]
    add     r5, r3, r6
    add     r7, r5, r6
    add     r6, r7, r6
    add     r8, r8, r8, lsl #1
    add     r2, r2, r8
    strd    r6, r2, [sp, #FRAME_IN]
.Lgroup\@:
    two_channels 0, 2
    two_channels 1, 3
    vldrw.32 q3, [r9], #16
    vldrw.32 q4, [r9], #16
    ldm     sp, {r0, r2, r4, r6}            /* out, left, out_step, zero point */
    requantize q0, \relu
    requantize q1, \relu
    requantize q2, \relu
    add     r6, r0, r4
    add     r4, r4, r6
    vctp.32 r2
    vpsttt
    vstrbt.32 q0, [r0], #4
    vstrbt.32 q1, [r6]
    vstrbt.32 q2, [r4]
    subs    r2, r2, #4
    strd    r0, r2, [sp, #FRAME_OUT]
    bgt     .Lgroup\@
    b       .Lpixels\@

.Lfew\@:
    adds    r4, r4, #2
    blt     .Lreturn\@
    str     r4, [sp, #FRAME_PIXELS]
    add     r6, r3, r6
    add     r2, r2, r8
    strd    r6, r2, [sp, #FRAME_IN]
    add     r7, r1, r11, lsl #1             /* the group's other two channels */
.Lgroup_of_one\@:
    ldrd    r0, r2, [r9], #8
    ldrd    r4, r6, [r9], #8
    dlstp.8 lr, r12
1:
    vldrb.8 q3, [r3], #16
    vldrb.8 q4, [r1], #16
    vmladava.s8 r0, q3, q4
    vldrb.8 q5, [r1], #16
    vmladava.s8 r2, q3, q5
    vldrb.8 q6, [r7], #16
    vmladava.s8 r4, q3, q6
    vldrb.8 q7, [r7], #16
    vmladava.s8 r6, q3, q7
    letp    lr, 1b
    vmov    q0[2], q0[0], r0, r2
    vmov    q0[3], q0[1], r4, r6
    sub     r3, r3, r11
    mov     r1, r7
    add     r7, r7, r11, lsl #1
    vldrw.32 q3, [r9], #16
    vldrw.32 q4, [r9], #16
    ldm     sp, {r0, r2, r4, r6}
    requantize q0, \relu
    vctp.32 r2
    vpst
    vstrbt.32 q0, [r0], #4
    subs    r2, r2, #4
    strd    r0, r2, [sp, #FRAME_OUT]
    bgt     .Lgroup_of_one\@
    b       .Lpixels\@

.Lreturn\@:
    add     sp, sp, #FRAME
    vpop    {d8-d15}
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    gemm    nn_gemm_s8_mve, 0
    gemm    nn_gemm_s8_mve_relu, 1
