@ A marked region whose cost on a Cortex-M4 is computed by hand (Cortex-M4 TRM, table 3-1; P = 2), one line each:
@ executions x cycles. tests/test_board_plugin.py holds the sums.
    .syntax unified
    .cpu cortex-m4
    .thumb
    .text
    .global region
    .thumb_func
    .type region, %function
region:
    push {r4, lr}
    ldr r2, =region_words
    .inst.n 0xbf70
    movs r0, #3         @ 1 x 1
1:  subs r0, #1         @ 3 x 1
    bne 1b              @ 3 x 1, taken twice: 2 x 2
    ldr r1, [r2]        @ 1 x 2
    ldr r3, [r2, #4]    @ 1 x 1: pipelined behind the load before it
    ldr r4, [r3]        @ 1 x 2: its address is the word just loaded
    .inst.n 0xbf90
    str r1, [r2, #8]    @ 1 x 1
    push {r0, r1, r3}   @ 1 x 4
    pop {r0, r1, r3}    @ 1 x 4
    mul r1, r1, r1      @ 1 x 1
    .inst.n 0xbf90
    movs r3, #7         @ 1 x 1
    udiv r0, r1, r3     @ 1 x 6
    bl 2f               @ 1 x 3
    ldr r0, [r2, #5]    @ 1 x 2, and 1 for crossing a word
    .inst.n 0xbf80
    pop {r4, pc}
2:  bx lr               @ 1 x 3
    .ltorg

    .bss
    .align 2
    .global region_words
region_words:
    .space 16
