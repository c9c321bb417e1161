/*
 * Eight inputs after the other times digits of four output channels: the inner loops of
 * nn_fully_connected_lanes.h, which says what weights look like. ARMv7E-M. A compiler would spill
 * registers.
 *
 * const uint32_t *nn_fully_connected_lanes_<bits>(const int8_t *in, const uint32_t *weights,
 *                                                 int32_t eights, uint32_t sums[4]);
 */
    .syntax unified
    .thumb
    .arch armv7e-m

/* r0: in, r1: weights, r2: four inputs, r3: the mask of digits, r4 to r7: sums, r8 to r11: a word
 * of each channel, r12: two inputs, lr: their digits of a channel. On the stack where inputs end. */

/* Two inputs times the digits from bit \shift on. */
    .macro two shift
    and     lr, r3, r8, lsr #\shift
    smlad   r4, lr, r12, r4
    and     lr, r3, r9, lsr #\shift
    smlad   r5, lr, r12, r5
    and     lr, r3, r10, lsr #\shift
    smlad   r6, lr, r12, r6
    and     lr, r3, r11, lsr #\shift
    smlad   r7, lr, r12, r7
    .endm

    .macro first_two
    and     lr, r3, r8
    smlad   r4, lr, r12, r4
    and     lr, r3, r9
    smlad   r5, lr, r12, r5
    and     lr, r3, r10
    smlad   r6, lr, r12, r6
    and     lr, r3, r11
    smlad   r7, lr, r12, r7
    .endm

    .macro eight bits, first
    ldr     r2, [r0], #4
    sxtb16  r12, r2
    .if \first
    two     \first
    .else
    first_two
    .endif
    sxtb16  r12, r2, ror #8
    two     (\first + \bits)
    ldr     r2, [r0], #4
    sxtb16  r12, r2
    two     (\first + 2 * \bits)
    sxtb16  r12, r2, ror #8
    two     (\first + 3 * \bits)
    .endm

    .macro is_end
    ldr     lr, [sp]
    cmp     r0, lr
    .endm

    .macro lanes bits, mask
    .section .text.nn_fully_connected_lanes_\bits, "ax", %progbits
    .align  2
    .global nn_fully_connected_lanes_\bits
    .type   nn_fully_connected_lanes_\bits, %function
    .thumb_func
nn_fully_connected_lanes_\bits:
    push    {r3-r11, lr}
    add     lr, r0, r2, lsl #3
    push    {r12, lr}
    ldm     r3, {r4-r7}
    mov     r3, #\mask
    str     lr, [sp]
    cmp     r0, lr
    beq     .Ldone\@
.Lwords\@:
    ldm     r1!, {r8-r11}
    .if \bits == 1
    eight   1, 0
    is_end
    beq     .Ldone\@
    eight   1, 4
    is_end
    beq     .Ldone\@
    lsr     r8, r8, #8
    lsr     r9, r9, #8
    lsr     r10, r10, #8
    lsr     r11, r11, #8
    .endif
    eight   \bits, 0
    .if \bits < 4
    is_end
    beq     .Ldone\@
    eight   \bits, (4 * \bits)
    .endif
    is_end
    bne     .Lwords\@
.Ldone\@:
    ldr     r2, [sp, #8]
    stm     r2, {r4-r7}
    mov     r0, r1
    add     sp, sp, #12
    pop     {r4-r11, pc}
    .size   nn_fully_connected_lanes_\bits, . - nn_fully_connected_lanes_\bits
    .endm

    lanes   1, 0x00010001
    lanes   2, 0x00030003
    lanes   4, 0x000f000f
