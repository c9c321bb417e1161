/*
 * Depthwise 3x3 outputs of four channels from a strip of packed rows. ARMv7E-M with FPU (the FPU's
 * registers hold what the core's cannot). nn_depthwise_3x3.h says what strip and weights look like.
 *
 * void nn_depthwise_s8_3x3[_stride2][_floor](const uint32_t *strip, const uint32_t *weights,
 *                                            int8_t *out, const nn_depthwise_tile *tile);
 * void nn_depthwise_pack(const int8_t *upper, const int8_t *lower, uint32_t *word,
 *                        const nn_depthwise_run *run);
 *
 * Two rows by two columns of outputs at a time, with a channel's nine weights in registers as pairs
 * of int16: doubled, so that SMMULR gives TFLite's doubling high product, or for the _floor forms
 * times 256, which is a mask instead of an extension of the sign. With stride 1 the output rows y
 * and y + 1 (y even) read the rows (y, y + 1) of one word and (y + 2, y + 3) of the next:
 *
 *     out[y]     = (w0, w1) . (y, y + 1)  + w2 * (y + 2)          SMLAD, SMLABT
 *     out[y + 1] = w0 * (y + 1)  + (w1, w2) . (y + 2, y + 3)      SMLATB, SMLAD
 *
 * With stride 2 they read three words, out[y] = (w0, w1) . (2y, 2y + 1) + w2 * (2y + 2).
 *
 * r0 strip, r1 out, r2 to r7 weights (stride 2: r2 to r6). The other registers hold words of the
 * strip and sums; where all sums are done, those of the rows y and y + 1 are in
 * r8 and r12 (first column) and lr and r9 (second column), stride 2: r8 and r9, r10 and r11.
 */
#include "nn_depthwise_3x3_layout.h"

#define COLUMN   (16 * NN_DEPTHWISE_SLOTS) /* bytes */
#define PAIR_BIT 32                        /* the lowest bit of two columns' bytes */

/* Of the channel. */
#define BIAS       s0 /* as many times as the weights */
#define MULTIPLIER s1 /* or factor */
#define ROUNDING   s2 /* or offset */
#define SHIFT      s3
/* Of the tile. */
#define COLUMN_STEP s4
#define ROW_STEP    s5
#define EVEN_BYTES  s6 /* of the strip: the columns that make pairs of outputs */
#define ODD_COLUMN  s7 /* 1: one more output */
#define ROWS        s8
#define ZERO_TERM   s9
/* Where the loops are. */
#define STRIP_END   s10 /* of the columns that make pairs of outputs */
#define ROWS_LEFT   s11 /* less two */
#define NEXT_ROWS   s12 /* bytes of out from there to two rows below the first column */
#define CHANNEL     s13 /* strip at the first row and column */
#define WEIGHTS     s14 /* of the next channel */
#define OUT         s15 /* of the channel */

    .syntax unified
    .thumb
    .arch armv7e-m
    .fpu fpv4-sp-d16

/* The sums become codes; \x and \y are free. */
    .macro requantize floor, x, y, sums:vararg
    vmov    \x, MULTIPLIER
    vmov    \y, ROUNDING
    .if \floor
    .irp sum, \sums
    smmla   \sum, \sum, \x, \y
    .endr
    .irp sum, \sums
    ssat    \sum, #8, \sum, asr #NN_DEPTHWISE_FLOOR_SHIFT
    .endr
    .else
    .irp sum, \sums
    smmulr  \sum, \sum, \x
    add     \sum, \sum, \sum, asr #31
    add     \sum, \sum, \y
    .endr
    vmov    \x, SHIFT
    .irp sum, \sums
    asr     \sum, \sum, \x
    ssat    \sum, #8, \sum
    .endr
    .endif
    .endm

/* Stores two rows by two sums; \x and \y are free. */
    .macro store_four x, y, a, b, c, d
    vmov    \x, COLUMN_STEP
    vmov    \y, ROW_STEP
    strb    \a, [r1]
    strb    \b, [r1, \y]
    add     r1, r1, \x
    strb    \c, [r1]
    strb    \d, [r1, \y]
    add     r1, r1, \x
    .endm

    .macro store_two x, a, b
    vmov    \x, COLUMN_STEP
    strb    \a, [r1]
    add     r1, r1, \x
    strb    \b, [r1]
    add     r1, r1, \x
    .endm

    .macro store_column rows, x, a, b
    strb    \a, [r1]
    .if \rows == 2
    vmov    \x, ROW_STEP
    strb    \b, [r1, \x]
    .endif
    .endm

/* Stride 1: the column \x, \y of the strip times a column of the kernel, onto the rows' sums \a and
 * \b, which start from \ia and \ib. */
    .macro mac_1 rows, x, y, w01, w12, a, b, ia, ib
    smlad   \a, \x, \w01, \ia
    .if \rows == 2
    smlatb  \b, \x, \w01, \ib
    .endif
    smlabt  \a, \y, \w12, \a
    .if \rows == 2
    smlad   \b, \y, \w12, \b
    .endif
    .endm

    .macro load_1 c, x, y
    ldr     \x, [r0, #\c * COLUMN]
    ldr     \y, [r0, #\c * COLUMN + 4]
    .endm

/* The same, moving on to column \c. */
    .macro advance_1 c, x, y
    ldr     \x, [r0, #\c * COLUMN]!
    ldr     \y, [r0, #4]
    .endm

/* \rows by two outputs; moves on by two columns. */
    .macro step_1 rows, floor
    load_1  0, r12, lr
    load_1  1, r10, r11
    vmov    r9, BIAS
    mac_1   \rows, r12, lr, r2, r5, r8, r12, r9, r9
    mac_1   \rows, r10, r11, r3, r6, r8, r12, r8, r12
    mac_1   \rows, r10, r11, r2, r5, lr, r9, r9, r9
    advance_1 2, r10, r11
    mac_1   \rows, r10, r11, r4, r7, r8, r12, r8, r12
    mac_1   \rows, r10, r11, r3, r6, lr, r9, lr, r9
    load_1  1, r10, r11
    mac_1   \rows, r10, r11, r4, r7, lr, r9, lr, r9
    .if \rows == 2
    requantize \floor, r10, r11, r8, r12, lr, r9
    store_four r10, r11, r8, r12, lr, r9
    .else
    requantize \floor, r10, r11, r8, lr
    store_two r10, r8, lr
    .endif
    .endm

/* \rows by one output. */
    .macro last_step_1 rows, floor
    load_1  0, r12, lr
    load_1  1, r10, r11
    vmov    r9, BIAS
    mac_1   \rows, r12, lr, r2, r5, r8, r12, r9, r9
    mac_1   \rows, r10, r11, r3, r6, r8, r12, r8, r12
    load_1  2, r10, r11
    mac_1   \rows, r10, r11, r4, r7, r8, r12, r8, r12
    .if \rows == 2
    requantize \floor, r10, r11, r8, r12
    .else
    requantize \floor, r10, r11, r8
    .endif
    store_column \rows, r10, r8, r12
    .endm

/* Stride 2: the column in r7, r12 and lr; \multiply takes w2's half of its register. */
    .macro mac_2 rows, w01, multiply, w2, a, b, ia, ib
    smlad   \a, r7, \w01, \ia
    .if \rows == 2
    smlad   \b, r12, \w01, \ib
    .endif
    \multiply \a, r12, \w2, \a
    .if \rows == 2
    \multiply \b, lr, \w2, \b
    .endif
    .endm

    .macro load_2 c, rows
    ldr     r7, [r0, #\c * COLUMN]
    ldr     r12, [r0, #\c * COLUMN + 4]
    .if \rows == 2
    ldr     lr, [r0, #\c * COLUMN + 8]
    .endif
    .endm

    .macro advance_2 c, rows
    ldr     r7, [r0, #\c * COLUMN]!
    ldr     r12, [r0, #4]
    .if \rows == 2
    ldr     lr, [r0, #8]
    .endif
    .endm

    .macro step_2 rows, floor
    vmov    r11, BIAS
    load_2  0, \rows
    mac_2   \rows, r2, smlabb, r5, r8, r9, r11, r11
    load_2  1, \rows
    mac_2   \rows, r3, smlabt, r5, r8, r9, r8, r9
    load_2  2, \rows
    mac_2   \rows, r4, smlabt, r6, r8, r9, r8, r9
    mac_2   \rows, r2, smlabb, r5, r10, r11, r11, r11
    advance_2 3, \rows
    mac_2   \rows, r3, smlabt, r5, r10, r11, r10, r11
    advance_2 1, \rows
    mac_2   \rows, r4, smlabt, r6, r10, r11, r10, r11
    .if \rows == 2
    requantize \floor, r12, lr, r8, r9, r10, r11
    store_four r12, lr, r8, r9, r10, r11
    .else
    requantize \floor, r12, lr, r8, r10
    store_two r12, r8, r10
    .endif
    .endm

    .macro last_step_2 rows, floor
    vmov    r11, BIAS
    load_2  0, \rows
    mac_2   \rows, r2, smlabb, r5, r8, r9, r11, r11
    load_2  1, \rows
    mac_2   \rows, r3, smlabt, r5, r8, r9, r8, r9
    load_2  2, \rows
    mac_2   \rows, r4, smlabt, r6, r8, r9, r8, r9
    .if \rows == 2
    requantize \floor, r12, lr, r8, r9
    .else
    requantize \floor, r12, lr, r8
    .endif
    store_column \rows, r12, r8, r9
    .endm

/* All outputs of \rows rows; r0 and r1 move to the end of the columns that make pairs. Of two rows
 * two pairs are a round; an odd number of pairs, odd too in EVEN_BYTES, begins in its middle. */
    .macro all_columns stride, rows, floor
    vmov    r12, EVEN_BYTES
    cmp     r12, #0
    beq     .Lodd\@
    .if \rows == 2
    tst     r12, #PAIR_BIT * \stride
    .endif
    add     r12, r0, r12
    vmov    STRIP_END, r12
    .if \rows == 2
    bne     .Lsecond\@
.Lpair\@:
    step_\stride \rows, \floor
.Lsecond\@:
    .else
.Lpair\@:
    .endif
    step_\stride \rows, \floor
    vmov    r12, STRIP_END
    cmp     r0, r12
    bne     .Lpair\@
.Lodd\@:
    vmov    r12, ODD_COLUMN
    cmp     r12, #0
    beq     .Ldone\@
    last_step_\stride \rows, \floor
.Ldone\@:
    .endm

/* The weights and requantization of one channel, from the five words at r0. */
    .macro channel stride, floor
    ldm     r0!, {r8-r12}
    vmov    WEIGHTS, r0
    vmov    BIAS, r11
    vmov    MULTIPLIER, r12
    vmov    lr, ZERO_TERM
    .if \floor
    sbfx    r12, r10, #8, #8
    add     lr, lr, r12
    vmov    ROUNDING, lr
    mov     lr, #0xff00ff00
    and     r2, lr, r8, lsl #8              /* (w00, w10) */
    and     r3, lr, r8                      /* (w01, w11) */
    and     r4, lr, r10, lsl #8             /* (w02, w12) */
    and     r10, lr, r10                    /* (more, w22) */
    and     r8, lr, r9, lsl #8              /* (w10, w20) */
    and     r9, lr, r9                      /* (w11, w21) */
    .else
    ubfx    r12, r10, #8, #8
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
    .irp    x, r2, r3, r4, r8, r9, r10
    sadd16  \x, \x, \x
    .endr
    .endif
    .if \stride == 1
    mov     r5, r8
    mov     r6, r9
    pkhtb   r7, r10, r4, asr #16            /* (w12, w22) */
    .else
    pkhtb   r5, r9, r8, asr #16             /* (w20, w21) */
    mov     r6, r10
    .endif
    .endm

    .macro depthwise name, stride, floor
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r3-r11, lr}                    /* r3: space */
    vmov    CHANNEL, r0
    vmov    WEIGHTS, r1
    vmov    OUT, r2
    add     r0, r0, #COLUMN                 /* where a fifth channel would be */
    str     r0, [sp]
    ldr     r4, [r3, #NN_DEPTHWISE_ROWS]
    ldr     r5, [r3, #NN_DEPTHWISE_COLUMNS]
    ldr     r6, [r3, #NN_DEPTHWISE_ROW_STEP]
    ldr     r7, [r3, #NN_DEPTHWISE_COLUMN_STEP]
    ldr     r8, [r3, #NN_DEPTHWISE_ZERO_TERM]
    vmov    ROWS, r4
    vmov    ROW_STEP, r6
    vmov    COLUMN_STEP, r7
    vmov    ZERO_TERM, r8
    and     r4, r5, #1
    vmov    ODD_COLUMN, r4
    sub     r5, r5, r4
    lsl     r6, r6, #1
    mls     r6, r5, r7, r6
    vmov    NEXT_ROWS, r6
    mov     r4, #\stride * COLUMN
    mul     r5, r5, r4
    vmov    EVEN_BYTES, r5
.Lchannel\@:
    vmov    r0, WEIGHTS
    channel \stride, \floor
    vmov    r0, CHANNEL
    vmov    r1, OUT
    vmov    r12, ROWS
    subs    r12, r12, #2
    blt     .Llast_row\@
.Lrows\@:
    vmov    ROWS_LEFT, r12
    all_columns \stride, 2, \floor
    vmov    r12, EVEN_BYTES
    vmov    lr, NEXT_ROWS
    sub     r0, r0, r12
    vmov    r12, ROWS_LEFT
    add     r1, r1, lr
    add     r0, r0, #4 * \stride
    subs    r12, r12, #2
    bge     .Lrows\@
    cmn     r12, #2
    beq     .Lnext\@
.Llast_row\@:
    all_columns \stride, 1, \floor
.Lnext\@:
    vmov    r0, CHANNEL
    vmov    r1, OUT
    add     r0, r0, #4 * NN_DEPTHWISE_SLOTS
    add     r1, r1, #1
    ldr     r12, [sp]
    vmov    CHANNEL, r0
    vmov    OUT, r1
    cmp     r0, r12
    bne     .Lchannel\@
    pop     {r3-r11, pc}
    .size   \name, . - \name
    .endm

    depthwise nn_depthwise_s8_3x3, 1, 0
    depthwise nn_depthwise_s8_3x3_floor, 1, 1
    depthwise nn_depthwise_s8_3x3_stride2, 2, 0
    depthwise nn_depthwise_s8_3x3_stride2_floor, 2, 1

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
