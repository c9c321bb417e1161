/*
 * Depthwise 3x3 outputs of four channels from a strip of packed rows. ARMv7E-M with FPU (the FPU's
 * registers hold what the core's cannot). nn_depthwise_3x3.h says what strip and weights look like.
 *
 * void nn_depthwise_s8_3x3[_stride2][_relu](const uint32_t *strip, const uint32_t *weights,
 *                                           int8_t *out, const nn_depthwise_tile *tile);
 * void nn_depthwise_pack(const int8_t *upper, const int8_t *lower, uint32_t *word,
 *                        const nn_depthwise_run *run);
 *
 * Two rows by two columns of outputs at a time, with a channel's nine weights in registers as pairs
 * of int16, doubled so that SMMULR gives TFLite's doubling high product. With stride 1 the output
 * rows y and y + 1 (y even) read the rows (y, y + 1) of one word and (y + 2, y + 3) of the next:
 *
 *     out[y]     = (w0, w1) . (y, y + 1)  + w2 * (y + 2)          SMLAD, SMLABT
 *     out[y + 1] = w0 * (y + 1)  + (w1, w2) . (y + 2, y + 3)      SMLATB, SMLAD
 *
 * With stride 2 they read three words, out[y] = (w0, w1) . (2y, 2y + 1) + w2 * (2y + 2).
 *
 * r0 strip, r1 out, r2 to r7 weights (stride 2: r2 to r6, and r7 a word of the strip), r8 and r9 the
 * rows of the first column's sums, r10 and r11 of the second's, r12 and lr words of the strip.
 */
#include "nn_depthwise_3x3_layout.h"

#define COLUMN (16 * NN_DEPTHWISE_SLOTS) /* bytes */

/* Of the channel. */
#define BIAS       s0 /* doubled */
#define MULTIPLIER s1
#define ROUNDING   s2
#define SHIFT      s3
/* Of the tile. */
#define COLUMN_STEP s4
#define ROW_STEP    s5
#define EVEN_BYTES  s6 /* of the strip: the columns that make pairs of outputs */
#define ODD_COLUMN  s7 /* 1: one more output */
#define ROWS        s8
#define ZERO_TERM   s9
/* Where the loops are. */
#define STRIP_END s10 /* of the columns that make pairs of outputs */
#define ROW       s11 /* strip at the first column */
#define OUT_ROW   s12
#define CHANNEL   s13 /* strip at the first row and column */
#define WEIGHTS   s14 /* of the next channel */
#define OUT       s15 /* of the channel */

    .syntax unified
    .thumb
    .arch armv7e-m
    .fpu fpv4-sp-d16

/* Column \c of the strip. */
    .macro load c, stride, rows
    .if \stride == 1
    ldr     r12, [r0, #\c * COLUMN]
    ldr     lr, [r0, #\c * COLUMN + 4]
    .else
    ldr     r7, [r0, #\c * COLUMN]
    ldr     r12, [r0, #\c * COLUMN + 4]
    .if \rows == 2
    ldr     lr, [r0, #\c * COLUMN + 8]
    .endif
    .endif
    .endm

/* The loaded column times the kernel's column \tap, onto the sums \a and \b of the two rows.
 * The first products of an output start from the sums \ia and \ib. */
    .macro mac tap, stride, rows, a, b, ia, ib
    .if \stride == 1
    mac_1   \tap, \rows, \a, \b, \ia, \ib
    .else
    mac_2   \tap, \rows, \a, \b, \ia, \ib
    .endif
    .endm

    .macro mac_1 tap, rows, a, b, ia, ib
    .if \tap == 0
    mac_1_by r2, r5, \rows, \a, \b, \ia, \ib
    .elseif \tap == 1
    mac_1_by r3, r6, \rows, \a, \b, \ia, \ib
    .else
    mac_1_by r4, r7, \rows, \a, \b, \ia, \ib
    .endif
    .endm

    .macro mac_1_by w01, w12, rows, a, b, ia, ib
    smlad   \a, r12, \w01, \ia
    .if \rows == 2
    smlatb  \b, r12, \w01, \ib
    .endif
    smlabt  \a, lr, \w12, \a
    .if \rows == 2
    smlad   \b, lr, \w12, \b
    .endif
    .endm

    .macro mac_2 tap, rows, a, b, ia, ib
    .if \tap == 0
    mac_2_by smlabb, r2, r5, \rows, \a, \b, \ia, \ib
    .elseif \tap == 1
    mac_2_by smlabt, r3, r5, \rows, \a, \b, \ia, \ib
    .else
    mac_2_by smlabt, r4, r6, \rows, \a, \b, \ia, \ib
    .endif
    .endm

    .macro mac_2_by multiply, w01, w2, rows, a, b, ia, ib
    smlad   \a, r7, \w01, \ia
    .if \rows == 2
    smlad   \b, r12, \w01, \ib
    .endif
    \multiply \a, r12, \w2, \a
    .if \rows == 2
    \multiply \b, lr, \w2, \b
    .endif
    .endm

/* The doubled sums \a... become codes. */
    .macro requantize relu, a:vararg
    vmov    r12, MULTIPLIER
    vmov    lr, ROUNDING
    .irp sum, \a
    .if \relu /* the sign's correction of the rounding is hidden by the clamp */
    smmlar  \sum, \sum, r12, lr
    .else
    smmulr  \sum, \sum, r12
    add     \sum, \sum, \sum, asr #31
    add     \sum, \sum, lr
    .endif
    .endr
    vmov    r12, SHIFT
    .irp sum, \a
    asr     \sum, \sum, r12
    ssat    \sum, #8, \sum
    .endr
    .endm

/* \rows by two outputs; moves on by two columns. */
    .macro step stride, rows, relu
    vmov    r11, BIAS
    load    0, \stride, \rows
    mac     0, \stride, \rows, r8, r9, r11, r11
    load    1, \stride, \rows
    mac     1, \stride, \rows, r8, r9, r8, r9
    .if \stride == 1
    mac     0, 1, \rows, r10, r11, r11, r11
    load    2, 1, \rows
    mac     2, 1, \rows, r8, r9, r8, r9
    mac     1, 1, \rows, r10, r11, r10, r11
    load    3, 1, \rows
    mac     2, 1, \rows, r10, r11, r10, r11
    .else
    load    2, 2, \rows
    mac     2, 2, \rows, r8, r9, r8, r9
    mac     0, 2, \rows, r10, r11, r11, r11
    load    3, 2, \rows
    mac     1, 2, \rows, r10, r11, r10, r11
    load    4, 2, \rows
    mac     2, 2, \rows, r10, r11, r10, r11
    .endif
    add     r0, r0, #2 * \stride * COLUMN
    .if \rows == 2
    requantize \relu, r8, r9, r10, r11
    vmov    r12, COLUMN_STEP
    vmov    lr, ROW_STEP
    strb    r8, [r1]
    strb    r9, [r1, lr]
    add     r1, r1, r12
    strb    r10, [r1]
    strb    r11, [r1, lr]
    .else
    requantize \relu, r8, r10
    vmov    r12, COLUMN_STEP
    strb    r8, [r1]
    add     r1, r1, r12
    strb    r10, [r1]
    .endif
    add     r1, r1, r12
    .endm

/* \rows by one output. */
    .macro last_step stride, rows, relu
    vmov    r11, BIAS
    load    0, \stride, \rows
    mac     0, \stride, \rows, r8, r9, r11, r11
    load    1, \stride, \rows
    mac     1, \stride, \rows, r8, r9, r8, r9
    load    2, \stride, \rows
    mac     2, \stride, \rows, r8, r9, r8, r9
    .if \rows == 2
    requantize \relu, r8, r9
    vmov    lr, ROW_STEP
    strb    r9, [r1, lr]
    .else
    requantize \relu, r8
    .endif
    strb    r8, [r1]
    .endm

/* All outputs of \rows rows, from ROW to OUT_ROW. */
    .macro all_columns stride, rows, relu
    vmov    r0, ROW
    vmov    r1, OUT_ROW
    vmov    r12, EVEN_BYTES
    cmp     r12, #0
    beq     .Lodd\@
    add     r12, r0, r12
    vmov    STRIP_END, r12
.Lpair\@:
    step    \stride, \rows, \relu
    vmov    r12, STRIP_END
    cmp     r0, r12
    bne     .Lpair\@
.Lodd\@:
    vmov    r12, ODD_COLUMN
    cmp     r12, #0
    beq     .Ldone\@
    last_step \stride, \rows, \relu
.Ldone\@:
    .endm

/* The weights and requantization of one channel, from the five words at r0. */
    .macro channel stride
    ldm     r0!, {r8-r12}
    vmov    WEIGHTS, r0
    vmov    BIAS, r11
    vmov    MULTIPLIER, r12
    ubfx    r12, r10, #8, #8
    vmov    lr, ZERO_TERM
    vmov    SHIFT, r12
    lsl     lr, lr, r12
    asr     lr, lr, #1
    vmov    ROUNDING, lr
    sxtb16  r2, r8                          /* (w00, w10) */
    sxtb16  r3, r8, ror #8                  /* (w01, w11) */
    sxtb16  r4, r10                         /* (w02, w12) */
    sxtb16  r10, r10, ror #8                /* (shift, w22) */
    sxtb16  r8, r9                          /* (w10, w20) */
    sxtb16  r9, r9, ror #8                  /* (w11, w21) */
    sadd16  r2, r2, r2
    sadd16  r3, r3, r3
    sadd16  r4, r4, r4
    .if \stride == 1
    sadd16  r5, r8, r8
    sadd16  r6, r9, r9
    sadd16  r7, r10, r10
    pkhtb   r7, r7, r4, asr #16             /* (w12, w22) */
    .else
    pkhtb   r5, r9, r8, asr #16             /* (w20, w21) */
    sadd16  r5, r5, r5
    sadd16  r6, r10, r10
    .endif
    .endm

    .macro depthwise name, stride, relu
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r4-r11, lr}
    vmov    CHANNEL, r0
    vmov    WEIGHTS, r1
    vmov    OUT, r2
    add     r0, r0, #COLUMN                 /* where the fifth channel would be */
    sub     sp, sp, #8                      /* rows to do, r0 */
    str     r0, [sp, #4]
    ldr     r4, [r3, #NN_DEPTHWISE_ROWS]
    ldr     r5, [r3, #NN_DEPTHWISE_COLUMNS]
    ldr     r6, [r3, #NN_DEPTHWISE_ROW_STEP]
    ldr     r7, [r3, #NN_DEPTHWISE_COLUMN_STEP]
    ldr     r8, [r3, #NN_DEPTHWISE_ZERO_TERM]
    vmov    ROWS, r4
    and     r4, r5, #1
    vmov    ODD_COLUMN, r4
    sub     r5, r5, r4
    mov     r4, #\stride * COLUMN
    mul     r5, r5, r4
    vmov    EVEN_BYTES, r5
    vmov    ROW_STEP, r6
    vmov    COLUMN_STEP, r7
    vmov    ZERO_TERM, r8
.Lchannel\@:
    vmov    r0, WEIGHTS
    channel \stride
    vmov    r0, CHANNEL
    vmov    r1, OUT
    vmov    ROW, r0
    vmov    OUT_ROW, r1
    vmov    r12, ROWS
.Lrows\@:
    cmp     r12, #1
    beq     .Llast_row\@
    blt     .Lnext\@
    sub     r12, r12, #2
    str     r12, [sp]
    all_columns \stride, 2, \relu
    vmov    r0, ROW
    vmov    r1, OUT_ROW
    vmov    r12, ROW_STEP
    add     r0, r0, #4 * \stride
    add     r1, r1, r12, lsl #1
    vmov    ROW, r0
    vmov    OUT_ROW, r1
    ldr     r12, [sp]
    b       .Lrows\@
.Llast_row\@:
    all_columns \stride, 1, \relu
.Lnext\@:
    vmov    r0, CHANNEL
    vmov    r1, OUT
    add     r0, r0, #4 * NN_DEPTHWISE_SLOTS
    add     r1, r1, #1
    vmov    CHANNEL, r0
    vmov    OUT, r1
    ldr     r12, [sp, #4]
    cmp     r0, r12
    bne     .Lchannel\@
    add     sp, sp, #8
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    depthwise nn_depthwise_s8_3x3, 1, 0
    depthwise nn_depthwise_s8_3x3_relu, 1, 1
    depthwise nn_depthwise_s8_3x3_stride2, 2, 0
    depthwise nn_depthwise_s8_3x3_stride2_relu, 2, 1

/* One column: the words of four channels of the upper row \a and the lower row \b, to column \c. */
    .macro pack c, a, b
    pkhbt   r10, \a, \b, lsl #16            /* channels 0 and 1 of both rows */
    pkhtb   r11, \b, \a, asr #16            /* channels 2 and 3 */
    sxtb16  r12, r10
    sxtb16  r10, r10, ror #8
    sxtb16  lr, r11
    sxtb16  r11, r11, ror #8
    str     r12, [r2, #(\c) * COLUMN]
    str     r10, [r2, #(\c) * COLUMN + 4 * NN_DEPTHWISE_SLOTS]
    str     lr, [r2, #(\c) * COLUMN + 8 * NN_DEPTHWISE_SLOTS]
    str     r11, [r2, #(\c) * COLUMN + 12 * NN_DEPTHWISE_SLOTS]
    .endm

    .macro pack_two c
    ldr     r6, [r0]
    ldr     r7, [r0, r4]
    ldr     r8, [r1]
    ldr     r9, [r1, r5]
    add     r0, r0, r4, lsl #1
    add     r1, r1, r5, lsl #1
    pack    \c, r6, r8
    pack    \c + 1, r7, r9
    .endm

    .section .text.nn_depthwise_pack, "ax", %progbits
    .align  2
    .global nn_depthwise_pack
    .type   nn_depthwise_pack, %function
    .thumb_func
nn_depthwise_pack:
    push    {r4-r11, lr}
    ldr     r4, [r3, #NN_DEPTHWISE_UPPER_STEP]
    ldr     r5, [r3, #NN_DEPTHWISE_LOWER_STEP]
    ldr     r3, [r3, #NN_DEPTHWISE_RUN_COLUMNS]
    subs    r3, r3, #4
    blt     .Lfew
.Lfour:
    pack_two 0
    pack_two 2
    add     r2, r2, #4 * COLUMN
    subs    r3, r3, #4
    bge     .Lfour
.Lfew:
    adds    r3, r3, #4
    beq     .Lpacked
.Lone:
    ldr     r6, [r0]
    ldr     r8, [r1]
    add     r0, r0, r4
    add     r1, r1, r5
    pack    0, r6, r8
    add     r2, r2, #COLUMN
    subs    r3, r3, #1
    bne     .Lone
.Lpacked:
    pop     {r4-r11, pc}
    .size   nn_depthwise_pack, . - nn_depthwise_pack
