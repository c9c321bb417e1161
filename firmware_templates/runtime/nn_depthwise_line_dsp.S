/*
 * Depthwise outputs of four channels along packed lines of pixels. ARMv7E-M with FPU (the FPU's
 * registers hold what the core's cannot). nn_depthwise_line.h explains strip and weights.
 *
 * void nn_depthwise_s8_line[_relu](uint32_t *scratch, const uint32_t *weights, int8_t *out,
 *                                  const nn_depthwise_line *line);
 * void nn_depthwise_pack_line(const int8_t *first, const int8_t *second, uint32_t *word,
 *                             const nn_depthwise_pairs *pairs);
 *
 * Each channel's taps are widened to two rows of pairs of int16, doubled so that SMMULR gives
 * TFLite's doubling high product: one for even outputs, one for odd ones. Then four outputs at a
 * time: two words of the strip times both rows are eight products in four SMLAD. The code for the
 * eight pairs that are possible is entered so far before its end as there are pairs.
 *
 * r0 strip, r1 out, r2 taps, r3 bytes from output to output, r4 to r7 sums, r8 and r9 words of the
 * strip, r10 and r11 taps, r12 strip of the next four outputs, lr where to enter.
 */
#include "nn_depthwise_line_layout.h"

#define STRIP_BYTES (4 * NN_DEPTHWISE_LINE_STRIP)

/* Of the channel. */
#define BIAS       s0 /* doubled */
#define MULTIPLIER s1
#define ROUNDING   s2
#define SHIFTS     s3 /* in the lowest byte, which is all that shifts look at; next ones above */
/* Of the line. */
#define TAPS      s4 /* widened */
#define OUTPUTS   s5
#define TAP_WORDS s6
#define ZERO_TERM s7
#define OUT_STEP  s12
/* Where the loops are. */
#define LEFT    s8  /* outputs */
#define WEIGHTS s9  /* of the next channel */
#define OUT     s10 /* of the channel */
#define STRIP   s11 /* of the channel */

    .syntax unified
    .thumb
    .arch armv7e-m
    .fpu fpv4-sp-d16

/* The sums r4 to r7, doubled, become codes. */
    .macro requantize relu
    vmov    r8, MULTIPLIER
    vmov    r9, ROUNDING
    .irp sum, r4, r5, r6, r7
    .if \relu /* the sign's correction of the rounding is hidden by the clamp */
    smmlar  \sum, \sum, r8, r9
    .else
    smmulr  \sum, \sum, r8
    add     \sum, \sum, \sum, asr #31
    add     \sum, \sum, r9
    .endif
    .endr
    vmov    r8, SHIFTS
    .irp sum, r4, r5, r6, r7
    asr     \sum, \sum, r8
    ssat    \sum, #8, \sum
    .endr
    .endm

/* Widens the taps at r0 to TAPS and reads the rest of the channel's weights. */
    .macro channel
    vmov    r0, WEIGHTS
    vmov    r2, TAPS
    vmov    r3, TAP_WORDS
    mov     r8, #0
.Lwiden\@:
    ldr     r9, [r0], #4
    sxtb16  r10, r9
    sxtb16  r11, r9, ror #8
    sadd16  r10, r10, r10
    sadd16  r11, r11, r11
    lsr     r9, r8, #16
    orr     r9, r9, r10, lsl #16
    lsr     r12, r10, #16
    orr     r12, r12, r11, lsl #16
    str     r10, [r2], #4
    str     r9, [r2], #4
    str     r11, [r2], #4
    str     r12, [r2], #4
    mov     r8, r11
    subs    r3, r3, #1
    bne     .Lwiden\@
    ldm     r0!, {r8, r9}
    vmov    WEIGHTS, r0
    vmov    BIAS, r8
    vmov    MULTIPLIER, r9
    vmov    r8, SHIFTS
    vmov    r9, ZERO_TERM
    lsl     r9, r9, r8
    asr     r9, r9, #1
    vmov    ROUNDING, r9
    .endm

    .macro line name, relu
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r3-r11, lr}                    /* r3: space for a count of channels */
    ldr     r4, [r1], #4
    vmov    TAPS, r0
    add     r0, r0, #STRIP_BYTES
    vmov    SHIFTS, r4
    vmov    STRIP, r0
    vmov    WEIGHTS, r1
    vmov    OUT, r2
    ldr     r4, [r3, #NN_DEPTHWISE_LINE_OUTPUTS]
    ldr     r5, [r3, #NN_DEPTHWISE_LINE_TAP_PAIRS]
    ldr     r6, [r3, #NN_DEPTHWISE_LINE_TAP_WORDS]
    ldr     r7, [r3, #NN_DEPTHWISE_LINE_ZERO_TERM]
    ldr     r3, [r3, #NN_DEPTHWISE_LINE_OUT_STEP]
    vmov    OUTPUTS, r4
    vmov    TAP_WORDS, r6
    vmov    ZERO_TERM, r7
    vmov    OUT_STEP, r3
    adr     lr, .Lpairs_end\@
    sub     lr, lr, r5, lsl #5              /* 32 bytes of code for each */
    orr     lr, lr, #1
    mov     r4, #4
    str     r4, [sp]
.Lchannel\@:
    channel
    vmov    r1, OUT
    vmov    r12, STRIP
    vmov    r3, OUT_STEP
    vmov    r4, OUTPUTS
    vmov    LEFT, r4
.Lfour\@:
    vmov    r4, BIAS
    mov     r5, r4
    mov     r6, r4
    mov     r7, r4
    mov     r0, r12
    vmov    r2, TAPS
    add     r12, r12, #32
    bx      lr
    .align  2
    .rept   8
    ldr.w   r8, [r0], #16
    ldr.w   r9, [r0]
    ldr.w   r10, [r2], #4
    ldr.w   r11, [r2], #4
    smlad   r4, r8, r10, r4
    smlad   r5, r8, r11, r5
    smlad   r6, r9, r10, r6
    smlad   r7, r9, r11, r7
    .endr
.Lpairs_end\@:
    requantize \relu
    vmov    r8, LEFT
    subs    r8, r8, #4
    vmov    LEFT, r8
    blt     .Lrest\@
    strb    r4, [r1]
    add     r1, r1, r3
    strb    r5, [r1]
    add     r1, r1, r3
    strb    r6, [r1]
    add     r1, r1, r3
    strb    r7, [r1]
    add     r1, r1, r3
    bgt     .Lfour\@
    b       .Lnext\@
.Lrest\@:                                   /* r8: outputs less four */
    strb    r4, [r1]
    cmn     r8, #3
    beq     .Lnext\@
    add     r1, r1, r3
    strb    r5, [r1]
    cmn     r8, #2
    beq     .Lnext\@
    add     r1, r1, r3
    strb    r6, [r1]
.Lnext\@:
    vmov    r0, OUT
    vmov    r1, STRIP
    vmov    r2, SHIFTS
    ldr     r4, [sp]
    add     r0, r0, #1
    add     r1, r1, #4
    lsr     r2, r2, #8
    subs    r4, r4, #1
    vmov    OUT, r0
    vmov    STRIP, r1
    vmov    SHIFTS, r2
    str     r4, [sp]
    bne     .Lchannel\@
    pop     {r3-r11, pc}
    .size   \name, . - \name
    .endm

    line    nn_depthwise_s8_line, 0
    line    nn_depthwise_s8_line_relu, 1

    .section .text.nn_depthwise_pack_line, "ax", %progbits
    .align  2
    .global nn_depthwise_pack_line
    .type   nn_depthwise_pack_line, %function
    .thumb_func
nn_depthwise_pack_line:
    push    {r4-r9, lr}
    ldr     r12, [r3, #NN_DEPTHWISE_LINE_STEP]
    ldr     r3, [r3, #NN_DEPTHWISE_LINE_PAIRS]
.Lpack:
    ldr     r4, [r0]
    ldr     r5, [r1]
    add     r0, r0, r12
    add     r1, r1, r12
    pkhbt   r8, r4, r5, lsl #16             /* channels 0 and 1 of both pixels */
    pkhtb   r9, r5, r4, asr #16             /* channels 2 and 3 */
    sxtb16  r4, r8
    sxtb16  r5, r8, ror #8
    sxtb16  r6, r9
    sxtb16  r7, r9, ror #8
    stm     r2!, {r4-r7}
    subs    r3, r3, #1
    bne     .Lpack
    pop     {r4-r9, pc}
    .size   nn_depthwise_pack_line, . - nn_depthwise_pack_line
