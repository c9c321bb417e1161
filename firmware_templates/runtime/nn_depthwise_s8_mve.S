/*
 * Depthwise convolution on words of four rows, and the making of these words. ARMv8.1-M with integer
 * MVE. nn_depthwise_mve.h says what lies where.
 *
 * void nn_depthwise_s8_mve_2x2(const nn_depthwise_mve_tile *tile, const int8_t *strip, int8_t *out,
 *                              const int8_t *weights, const int32_t *numbers, int32_t channels);
 * void nn_depthwise_s8_mve_line(...same...);   void nn_depthwise_s8_mve_apart(...same...);
 * and the same with _relu;
 * void nn_depthwise_mve_fill(const nn_depthwise_mve_rows *rows, int8_t *strip, int32_t count,
 *                            int32_t channels);
 * void nn_depthwise_mve_advance(...same...);
 *
 * A gathering load takes four words as a vector, of which VMLADAV makes an output: 16 products at
 * once, nine of them needed for 3x3. The code ends up in a word's highest byte, because a saturating
 * shift to there clamps it.
 */
#include "nn_depthwise_mve_layout.h"

    .syntax unified
    .thumb
    .arch   armv8.1-m.main
    .arch_extension mve

    .equ    COLUMN, 64

    .equ    FRAME_POINTERS, 0       /* strip, weights, out, numbers of the next channel */
    .equ    FRAME_GATHER, 16        /* a vector: what a load adds to the strip */
    .equ    FRAME_TILES, 32
    .equ    FRAME_MASKED, 36
    .equ    FRAME_MASK, 40
    .equ    FRAME_WEIGHTS_STEP, 44
    .equ    FRAME_CHANNELS, 48
    .equ    FRAME, 56
    .equ    PUSHED, 9 * 4 + 8 * 8

/* Four outputs at r5: q1 addresses, q3 offsets of outputs, q4 to q7 weights, r8 bias, r9 multiplier,
 * r10 rounding and zero point, r11 the shift that takes the code to the highest byte, r12 out_step. */
    .macro  tile step, apart, relu, masked
    vldrw.u32 q0, [q1, #\step]!
    vmladav.s8 r0, q0, q4
    .if \apart
    vldrw.u32 q0, [q1, #\step]!
    vmladav.s8 r2, q0, q4
    vldrw.u32 q0, [q1, #\step]!
    vmladav.s8 r4, q0, q4
    vldrw.u32 q0, [q1, #\step]!
    vmladav.s8 r6, q0, q4
    .else
    vmladav.s8 r2, q0, q5
    vmladav.s8 r4, q0, q6
    vmladav.s8 r6, q0, q7
    .endif
    vmov    q2[2], q2[0], r0, r4
    vmov    q2[3], q2[1], r2, r6
    vadd.i32 q2, q2, r8
    vqrdmulh.s32 q2, q2, r9
    .if \relu == 0 /* else the clamp hides it */
    vshr.s32 q0, q2, #31
    vadd.i32 q2, q2, q0
    .endif
    vqadd.s32 q2, q2, r10
    vqshl.s32 q2, r11
    vshr.u32 q2, q2, #24
    .if \masked
    vpst
    vstrbt.32 q2, [r5, q3]
    .else
    vstrb.32 q2, [r5, q3]
    .endif
    add     r5, r5, r12
    .endm

/* lead1 to lead3 are those of the second to fourth output; lead0 is the largest. */
    .macro  depthwise name, step, apart, relu, lead0, lead1=0, lead2=0, lead3=0
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r4-r11, lr}
    vpush   {d8-d15}
    sub     sp, sp, #FRAME
    ldrd    r7, r6, [sp, #FRAME + PUSHED]   /* numbers, channels */
    mov     r5, r2
    stm     sp, {r1, r3, r5, r7}
    str     r6, [sp, #FRAME_CHANNELS]
    vldrw.32 q3, [r0]
    ldrd    r12, r4, [r0, #NN_DEPTHWISE_MVE_OUT_STEP] /* and weights_step */
    str     r4, [sp, #FRAME_WEIGHTS_STEP]
    ldrd    r4, r6, [r0, #NN_DEPTHWISE_MVE_TILES] /* and masked */
    strd    r4, r6, [sp, #FRAME_TILES]
    ldr     r4, [r0, #NN_DEPTHWISE_MVE_MASK]
    str     r4, [sp, #FRAME_MASK]
    mov     r4, #-\step                     /* the loads add it first */
    mov     r6, #COLUMN - \step
    strd    r4, r6, [sp, #FRAME_GATHER]
    mov     r4, #2 * COLUMN - \step
    mov     r6, #3 * COLUMN - \step
    strd    r4, r6, [sp, #FRAME_GATHER + 8]
.Lchannel\@:
    ldm     sp, {r1, r3, r5, r7}
    ldr     r4, [sp, #FRAME_WEIGHTS_STEP]
    vldrw.32 q1, [sp, #FRAME_GATHER]
    vadd.i32 q1, q1, r1
    vldrb.8 q4, [r3, #\lead0]
    .if \apart == 0
    vldrb.8 q5, [r3, #\lead1]
    vldrb.8 q6, [r3, #\lead2]
    vldrb.8 q7, [r3, #\lead3]
    .endif
    ldm     r7!, {r8-r11}
    add     r1, r1, #4
    add     r3, r3, r4
    add     r5, r5, #1
    stm     sp, {r1, r3, r5, r7}
    sub     r5, r5, #1
    ldr     r0, [sp, #FRAME_TILES]
    wls     lr, r0, .Lmasked\@
.Ltile\@:
    tile    \step, \apart, \relu, 0
    le      lr, .Ltile\@
.Lmasked\@:
    ldr     r0, [sp, #FRAME_MASKED]
    wls     lr, r0, .Lnext\@
    ldr     r0, [sp, #FRAME_MASK]
    vmsr    p0, r0
.Lmasked_tile\@:
    tile    \step, \apart, \relu, 1
    le      lr, .Lmasked_tile\@
.Lnext\@:
    ldr     r0, [sp, #FRAME_CHANNELS]
    subs    r0, r0, #1
    str     r0, [sp, #FRAME_CHANNELS]
    bne     .Lchannel\@
    add     sp, sp, #FRAME
    vpop    {d8-d15}
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    depthwise nn_depthwise_s8_mve_2x2, 2 * COLUMN, 0, 0, 5, 1, 4, 0
    depthwise nn_depthwise_s8_mve_2x2_relu, 2 * COLUMN, 0, 1, 5, 1, 4, 0
    depthwise nn_depthwise_s8_mve_line, COLUMN, 0, 0, 3, 2, 1, 0
    depthwise nn_depthwise_s8_mve_line_relu, COLUMN, 0, 1, 3, 2, 1, 0
    depthwise nn_depthwise_s8_mve_apart, 2 * COLUMN, 1, 0, 0
    depthwise nn_depthwise_s8_mve_apart_relu, 2 * COLUMN, 1, 1, 0

    .section .text.nn_depthwise_mve_fill, "ax", %progbits
    .align  2
    .global nn_depthwise_mve_fill
    .type   nn_depthwise_mve_fill, %function
    .thumb_func
nn_depthwise_mve_fill:
    push    {r4-r11, lr}
    vctp.8  r3
    ldm     r0, {r4-r11}
    dls     lr, r2
1:
    vpstttt
    vldrbt.8 q0, [r4]
    vldrbt.8 q1, [r5]
    vldrbt.8 q2, [r6]
    vldrbt.8 q3, [r7]
    add     r4, r4, r8
    add     r5, r5, r9
    add     r6, r6, r10
    add     r7, r7, r11
    vst40.8 {q0, q1, q2, q3}, [r1]
    vst41.8 {q0, q1, q2, q3}, [r1]
    vst42.8 {q0, q1, q2, q3}, [r1]
    vst43.8 {q0, q1, q2, q3}, [r1]!
    le      lr, 1b
    pop     {r4-r11, pc}
    .size   nn_depthwise_mve_fill, . - nn_depthwise_mve_fill

    .section .text.nn_depthwise_mve_advance, "ax", %progbits
    .align  2
    .global nn_depthwise_mve_advance
    .type   nn_depthwise_mve_advance, %function
    .thumb_func
nn_depthwise_mve_advance:
    push    {r4-r7, lr}
    vpush   {d8-d11}
    vctp.8  r3
    ldrd    r4, r5, [r0, #8]                /* rows 2 and 3 */
    ldrd    r6, r7, [r0, #24]               /* and their steps */
    dls     lr, r2
1:
    vld40.8 {q0, q1, q2, q3}, [r1]
    vld41.8 {q0, q1, q2, q3}, [r1]
    vld42.8 {q0, q1, q2, q3}, [r1]
    vld43.8 {q0, q1, q2, q3}, [r1]
    vpstt
    vldrbt.8 q4, [r4]
    vldrbt.8 q5, [r5]
    add     r4, r4, r6
    add     r5, r5, r7
    vst40.8 {q2, q3, q4, q5}, [r1]
    vst41.8 {q2, q3, q4, q5}, [r1]
    vst42.8 {q2, q3, q4, q5}, [r1]
    vst43.8 {q2, q3, q4, q5}, [r1]!
    le      lr, 1b
    vpop    {d8-d11}
    pop     {r4-r7, pc}
    .size   nn_depthwise_mve_advance, . - nn_depthwise_mve_advance
