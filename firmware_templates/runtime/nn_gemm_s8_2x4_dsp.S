/*
 * Outputs of pairs of pixels from their windows and int8 weights, four output channels at a time.
 * ARMv7E-M with FPU (the FPU's registers hold what the core's cannot). nn_gemm.h says what windows
 * and weights look like.
 *
 * void nn_gemm_s8_2x4[_floor](const nn_gemm_run *run, const nn_gemm_shape *shape);
 *
 * The windows of a pair of pixels are widened to columns, for each pair of K a word of the first
 * pixel and a word of the second. A weight word has two half-words h = 256 w1 + w0, of the K pair's
 * two bytes, for two channels. SMLAD with h sums 256 D1 + D0; SXTB16 leaves w0, whose SMLAD sums D0.
 * One unpacking serves two channels: 16 products in 8 SMLAD, 2 SXTB16 and 4 LDR.
 * D1 = (sum - D0) >> 8, once for each output; the _floor form takes 256 D1 as it is.
 */
#include "nn_gemm_products.h"

/* Of the columns: their start; where the unrolled products of all but the first pair of K start,
 * less the pairs that the first round leaves out; where r0 is when they are done. */
#define COLUMNS     s0
#define FIRST_ROUND s1
#define COLUMNS_END s2
/* The first round of products: bytes of weights in it when it is not a full one, and its code. */
#define PART  s3
#define ENTRY s4
/* Two bytes below the group's outputs. */
#define OUT_A s5
#define OUT_B s6
/* From the last group's to the next pixels'. */
#define OUT_STEP    s7
#define WEIGHTS     s8
#define WEIGHTS_END s9
#define WINDOW_A    s10
#define WINDOW_B    s11
#define STEP        s12
#define COUNT       s13 /* of pairs of pixels that are left */
#define SHAPE       s14
#define ROW_GAP     s15 /* bytes from the end of a row's words to the next row */

    .syntax unified
    .thumb
    .arch armv7e-m
    .fpu fpv4-sp-d16

/* The columns of one word of each window, \a and \b. The first word of the four stays in \first. */
    .macro widen c, a, b, first, x
    sxtb16  \first, \a
    sxtb16  \x, \b
    sxtb16  \a, \a, ror #8
    sxtb16  \b, \b, ror #8
    str     \x, [r2, #\c + 4]
    str     \a, [r2, #\c + 8]
    str     \b, [r2, #\c + 12]
    .endm

/* Both windows become columns, and the next pair's windows are WINDOW_A and WINDOW_B. */
    .macro gather
    vmov    r12, SHAPE
    vmov    r0, WINDOW_A
    vmov    r1, WINDOW_B
    vmov    r3, STEP
    ldm     r12, {r8, r9, r11}              /* rows, bytes of each, rows with one byte more */
    add     r4, r0, r3
    add     r5, r1, r3
    vmov    WINDOW_A, r4
    vmov    WINDOW_B, r5
    vmov    r2, COLUMNS
    vmov    r10, ROW_GAP
.Lrow\@:
    subs    r3, r9, #8
    blt     .Lword\@
.Ltwo_words\@:
    ldr     r5, [r0, #4]
    ldr     r4, [r0], #8
    ldr     r7, [r1, #4]
    ldr     r6, [r1], #8
    widen   0, r4, r6, r12, lr
    widen   16, r5, r7, r4, lr
    str     r4, [r2, #16]
    str     r12, [r2], #32
    subs    r3, r3, #8
    bge     .Ltwo_words\@
.Lword\@:
    adds    r3, r3, #8                      /* bytes that are left: 0 or 4 */
    bne     .Lone_word\@
.Lrow_end\@:
    add     r0, r0, r10
    add     r1, r1, r10
    subs    r8, r8, #1
    bne     .Lrow\@
    cmp     r11, #0
    bne     .Lmore\@
    b       .Lgathered\@
.Lone_word\@:
    ldr     r4, [r0], #4
    ldr     r6, [r1], #4
    widen   0, r4, r6, r12, lr
    str     r12, [r2], #16
    b       .Lrow_end\@

.Lmore\@: /* the byte that each row has more, of two rows at a time */
    vmov    r0, WINDOW_A
    vmov    r1, WINDOW_B
    vmov    r3, STEP
    add     r10, r10, r9                    /* bytes from row to row */
    sub     r9, r9, r3
    add     r0, r0, r9
    add     r1, r1, r9
    subs    r11, r11, #2
    blt     .Llast_more\@
.Ltwo_more\@:
    ldrsb   r4, [r0]
    ldrsb   r5, [r0, r10]
    ldrsb   r6, [r1]
    ldrsb   r7, [r1, r10]
    add     r0, r0, r10, lsl #1
    add     r1, r1, r10, lsl #1
    pkhbt   r4, r4, r5, lsl #16
    pkhbt   r6, r6, r7, lsl #16
    str     r6, [r2, #4]
    str     r4, [r2], #8
    subs    r11, r11, #2
    bge     .Ltwo_more\@
.Llast_more\@:
    cmn     r11, #2
    beq     .Lgathered\@
    ldrsb   r4, [r0]                        /* their upper halves meet a weight of zero */
    ldrsb   r6, [r1]
    str     r4, [r2]
    str     r6, [r2, #4]
.Lgathered\@:
    .endm

/* The state of the loops, from the run at r0 and the shape at r1. A group of weights has \group_bytes
 * and 8 for each pair of K. */
    .macro prepare group_bytes
    vmov    SHAPE, r1
    ldm     r0, {r4-r12}
    vmov    WINDOW_A, r4
    vmov    WINDOW_B, r5
    vmov    COLUMNS, r7
    vmov    WEIGHTS, r8
    vmov    STEP, r9
    vmov    COUNT, r12
    sub     r6, r6, #2
    vmov    OUT_A, r6
    add     r6, r6, r11
    vmov    OUT_B, r6
    ldr     r2, [r1, #NN_GEMM_ROW_BYTES]
    ldr     r3, [r1, #NN_GEMM_PAIRS]
    ldr     r4, [r1, #NN_GEMM_GROUPS]
    sub     r10, r10, r2
    vmov    ROW_GAP, r10
    lsl     r11, r11, #1
    sub     r11, r11, r4, lsl #2
    vmov    OUT_STEP, r11
    lsl     r5, r3, #3
    add     r5, r5, #\group_bytes           /* of weights */
    mla     r5, r4, r5, r8
    vmov    WEIGHTS_END, r5
    subs    r3, r3, #1
    add     r5, r7, r3, lsl #3
    vmov    COLUMNS_END, r5
    and     r5, r3, #ROUND - 1
    rsb     r6, r3, #0
    and     r6, r6, #ROUND - 1              /* pairs that the first round leaves out */
    lsl     r5, r5, #3
    vmov    PART, r5
    sub     r7, r7, r6, lsl #3
    vmov    FIRST_ROUND, r7
    movs    r4, #MAC_BYTES
    .endm

    .macro gemm name, group_bytes, requantization
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r4-r11, lr}
    prepare \group_bytes
    adr     r5, .Lround\@
    mla     r5, r4, r6, r5
    orr     r5, r5, #1                      /* Thumb */
    vmov    ENTRY, r5
.Lpixels\@:
    gather
    vmov    r1, WEIGHTS
.Lgroup\@:
    ldm     r1!, {r4-r7}
    vmov    r0, COLUMNS
    ldr     r2, [r0]
    ldr     r3, [r0, #4]
    ldr     lr, [r1, #4]
    ldr     r12, [r1], #8
    products r4, r5, r6, r7
    vmov    r2, PART
    vmov    r3, ENTRY
    vmov    r0, FIRST_ROUND
    add     r1, r1, r2
    bx      r3
    .align  2
.Lround\@:
    mac     0
    mac     1
    mac     2
    mac     3
    mac     4
    mac     5
    mac     6
    .if . - .Lround\@ - 7 * MAC_BYTES
    .error  "MAC_BYTES is wrong"
    .endif
    mac     7
    vmov    r2, COLUMNS_END
    cmp     r0, r2
    bne     .Lround\@

    vmov    r2, OUT_A
    vmov    r3, OUT_B
    outputs_\requantization
    vmov    r0, WEIGHTS_END
    vmov    OUT_A, r2
    vmov    OUT_B, r3
    cmp     r1, r0
    bne     .Lgroup\@

    vmov    r0, OUT_STEP
    vmov    r1, COUNT
    add     r2, r2, r0
    add     r3, r3, r0
    vmov    OUT_A, r2
    vmov    OUT_B, r3
    subs    r1, r1, #1
    vmov    COUNT, r1
    bne     .Lpixels\@
    pop     {r4-r11, pc}
    .size   \name, . - \name
    .endm

    gemm    nn_gemm_s8_2x4, 64, twice_rounded
    gemm    nn_gemm_s8_2x4_floor, 48, rounded_down
