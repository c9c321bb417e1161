/*
 * Four output channels of pairs of pixels whose columns are ready, by int8 weights. ARMv7E-M with
 * FPU (the FPU's registers hold what the core's cannot). nn_gemm.h says what columns and weights
 * look like, nn_gemm_s8_2x4_dsp.S how they are multiplied.
 *
 * void nn_gemm_group_s8_2x4[_floor](const uint32_t *columns, const uint32_t *weights, int8_t *out,
 *                                   const nn_gemm_block *block);
 */
#include "nn_gemm_products.h"

#define COLUMNS     s0 /* of the next pair of pixels */
#define LENGTH      s1 /* bytes from their first pair of K to their last */
#define COLUMNS_END s2 /* where r0 is when the products are done */
/* The first round of products: bytes of weights in it when it is not a full one, its code, and
 * bytes of columns that it leaves out. */
#define PART     s3
#define ENTRY    s4
#define LEFT_OUT s5
/* Two bytes below the outputs. */
#define OUT_A    s6
#define OUT_B    s7
#define OUT_STEP s8
#define WEIGHTS  s9
#define COUNT    s10

    .syntax unified
    .thumb
    .arch armv7e-m
    .fpu fpv4-sp-d16

    .macro group name, requantization
    .section .text.\name, "ax", %progbits
    .align  2
    .global \name
    .type   \name, %function
    .thumb_func
\name:
    push    {r4-r11, lr}
    vmov    COLUMNS, r0
    vmov    WEIGHTS, r1
    ldm     r3, {r4, r5, r6}                /* pairs of K, out_stride, count */
    vmov    COUNT, r6
    sub     r2, r2, #2
    vmov    OUT_A, r2
    add     r2, r2, r5
    vmov    OUT_B, r2
    lsl     r5, r5, #1
    sub     r5, r5, #4
    vmov    OUT_STEP, r5
    subs    r4, r4, #1
    lsl     r5, r4, #3
    vmov    LENGTH, r5
    and     r5, r4, #ROUND - 1
    lsl     r5, r5, #3
    vmov    PART, r5
    rsb     r6, r4, #0
    and     r6, r6, #ROUND - 1              /* pairs that the first round leaves out */
    lsl     r5, r6, #3
    vmov    LEFT_OUT, r5
    movs    r4, #MAC_BYTES
    adr     r5, .Lround\@
    mla     r5, r4, r6, r5
    orr     r5, r5, #1                      /* Thumb */
    vmov    ENTRY, r5
.Lpixels\@:
    vmov    r0, COLUMNS
    vmov    r1, WEIGHTS
    vmov    r2, LENGTH
    add     r2, r2, r0
    vmov    COLUMNS_END, r2
    ldm     r1!, {r4-r7}
    ldr     r2, [r0]
    ldr     r3, [r0, #4]
    ldr     lr, [r1, #4]
    ldr     r12, [r1], #8
    products r4, r5, r6, r7
    vmov    r2, PART
    vmov    r3, ENTRY
    vmov    r12, LEFT_OUT
    add     r1, r1, r2
    sub     r0, r0, r12
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

    add     r0, r0, #8
    vmov    COLUMNS, r0
    vmov    r2, OUT_A
    vmov    r3, OUT_B
    outputs_\requantization
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

    group   nn_gemm_group_s8_2x4, twice_rounded
    group   nn_gemm_group_s8_2x4_floor, rounded_down
