@ A marked region whose cost on a Cortex-M4 is computed by hand (Cortex-M4 TRM, tables 3-1 and 7-1; P = 2), one line each:
@ executions x cycles. tests/test_board_plugin.py holds the sums.
    .syntax unified
    .cpu cortex-m4
    .fpu fpv4-sp-d16
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

    .global region_floats
    .thumb_func
    .type region_floats, %function
region_floats:
    ldr r2, =region_words
    .inst.n 0xbf70
    vmul.f32 s0, s1, s2     @ 1
    vadd.f32 s3, s3, s0     @ 1, and 1 for s0 was computed just before
    vadd.f32 s4, s4, s5     @ 1
    vstr s3, [r2, #8]       @ 2
    vcvt.s32.f32 s4, s4     @ 1
    vmov r0, s4             @ 1, and 1 for s4 was computed just before
    vmul.f32 s8, s8, s8     @ 1
    vcmp.f32 s8, #0.0       @ 1, and 1 for s8
    vfma.f32 s5, s6, s7     @ 3
    vdiv.f32 s6, s7, s8     @ 14
    .inst.n 0xbf80
    bx lr
    .ltorg

    .bss
    .align 2
    .global region_words
region_words:
    .space 16
