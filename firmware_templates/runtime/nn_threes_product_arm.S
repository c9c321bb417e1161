/*
 * nn_threes_product of nn_threes.h for Arm's cores, because compilers do not keep all sums in
 * registers. Nothing on other cores.
 */
#if defined(__thumb__)

    .syntax unified
    .thumb

    .section .text.nn_threes_product, "ax", %progbits
    .align  2
    .global nn_threes_product
    .type   nn_threes_product, %function
    .thumb_func
nn_threes_product:

#if defined(__thumb2__)

    /* The weight at \offset times the two words in r2 and r3, to the sums \x and \y. */
    .macro channel offset, x, y
    ldrb    lr, [r1, #\offset]
    mla     \x, r2, lr, \x
    mla     \y, r3, lr, \y
    .endm

    .macro column k
    ldmia   r0!, {r2, r3}
    channel 4 * \k, r4, r5
    channel 4 * \k + 1, r6, r7
    channel 4 * \k + 2, r8, r9
    channel 4 * \k + 3, r10, r11
    .endm

    push    {r3-r11, lr}                    /* r3 is where the sums go */
    add     r12, r1, r2, lsl #2             /* end of the weights */
    ldmia   r0!, {r4, r5}
    mov     r6, r4
    mov     r7, r5
    mov     r8, r4
    mov     r9, r5
    mov     r10, r4
    mov     r11, r5
.Lcolumns:
    column  0
    column  1
    column  2
    column  3
    adds    r1, r1, #16
    cmp     r1, r12
    bne     .Lcolumns
    pop     {r0}
    stmia   r0!, {r4-r11}
    pop     {r4-r11, pc}

#else /* sums above r7, which only moves, additions and comparisons reach */

    /* The weight at \offset times the two words in r2 and r3, to the sums \x and \y. */
    .macro channel offset, x, y
    ldrb    r4, [r1, #\offset]
    movs    r5, r4
    muls    r5, r2, r5
    muls    r4, r3, r4
    add     \x, \x, r5
    add     \y, \y, r4
    .endm

    .macro column k
    ldmia   r0!, {r2, r3}
    channel 4 * \k, r8, r9
    channel 4 * \k + 1, r10, r11
    channel 4 * \k + 2, r12, lr
    channel 4 * \k + 3, r6, r7
    .endm

    push    {r4-r7, lr}
    mov     r4, r8
    mov     r5, r9
    mov     r6, r10
    mov     r7, r11
    push    {r3-r7}                         /* where the sums go, and the registers above r7 */
    lsls    r2, r2, #2
    adds    r2, r2, r1
    push    {r2}                            /* end of the weights */
    ldmia   r0!, {r6, r7}
    mov     r8, r6
    mov     r9, r7
    mov     r10, r6
    mov     r11, r7
    mov     r12, r6
    mov     lr, r7
.Lcolumns:
    column  0
    column  1
    column  2
    column  3
    ldr     r4, [sp]
    adds    r1, r1, #16
    cmp     r1, r4
    bne     .Lcolumns
    ldr     r0, [sp, #4]
    mov     r2, r8
    mov     r3, r9
    mov     r4, r10
    mov     r5, r11
    stmia   r0!, {r2-r5}
    mov     r2, r12
    mov     r3, lr
    stmia   r0!, {r2, r3, r6, r7}
    add     sp, sp, #8
    pop     {r4-r7}
    mov     r8, r4
    mov     r9, r5
    mov     r10, r6
    mov     r11, r7
    pop     {r4-r7, pc}

#endif
    .size   nn_threes_product, . - nn_threes_product

#endif
