/*
 * Start of a Cortex-M core: vector table, reset handler, faults. The firmware takes no interrupts,
 * so the table ends after the core's own exceptions.
 */
#include "fw_board.h"
#include "startup_memory.h"

#define SCB_VTOR          (*(volatile uint32_t *)0xE000ED08u)
#define SCB_AIRCR_ADDRESS 0xE000ED0C
#define SCB_AIRCR         (*(volatile uint32_t *)SCB_AIRCR_ADDRESS)
#define SCB_CPACR         (*(volatile uint32_t *)0xE000ED88u)

#define AIRCR_SYSRESETREQ 0x05FA0004 /* with the write key */
#define CPACR_FPU_FULL    (0xFu << 20)

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

int main(void);
void Reset_Handler(void);
void Fault_Handler(void);

union vector {
    uint32_t *stack;
    void (*handler)(void);
};

__attribute__((section(".isr_vector"), used)) static const union vector vectors[16] = {
    [0] = {.stack = fw_stack_top},     [1] = {.handler = Reset_Handler},
    [2] = {.handler = Fault_Handler},  /* NMI */
    [3] = {.handler = Fault_Handler},  /* hard fault; the ones below escalate to it */
    [4] = {.handler = Fault_Handler},  /* memory management */
    [5] = {.handler = Fault_Handler},  /* bus */
    [6] = {.handler = Fault_Handler},  /* usage */
    [11] = {.handler = Fault_Handler}, /* SVC */
    [12] = {.handler = Fault_Handler}, /* debug monitor */
    [14] = {.handler = Fault_Handler}, /* PendSV */
    [15] = {.handler = Fault_Handler}, /* SysTick */
};

void Reset_Handler(void)
{
    volatile uint32_t *stack_now;

#if defined(__ARM_FP)
    SCB_CPACR |= CPACR_FPU_FULL;
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
#if !defined(__ARM_ARCH_6M__) /* a Cortex-M0's table cannot move */
    /* A boot loader that jumps here leaves its own table in place. */
    SCB_VTOR = (uint32_t)vectors;
#endif

    __asm volatile("mov %0, sp" : "=r"(stack_now));
    prepare_memory(stack_now);
    main();
    fw_reset();
}

/* Restart, and let INFO tell the host. Uses no stack: it may be the stack that ran over. */
__attribute__((naked)) void Fault_Handler(void)
{
    __asm volatile("ldr r0, =fault_note\n\t"
                   "ldr r1, =" TEXT(
                       FAULT_MAGIC) "\n\t"
                                    "str r1, [r0]\n\t"
                                    "ldr r0, =" TEXT(
                                        SCB_AIRCR_ADDRESS) "\n\t"
                                                           "ldr r1, =" TEXT(
                                                               AIRCR_SYSRESETREQ) "\n\t"
                                                                                  "dsb\n\t"
                                                                                  "str r1, [r0]\n\t"
                                                                                  "dsb\n"
                                                                                  "1: b 1b\n\t"
                                                                                  ".ltorg");
}

void fw_reset(void)
{
    __asm volatile("dsb" ::: "memory");
    SCB_AIRCR = AIRCR_SYSRESETREQ;
    __asm volatile("dsb" ::: "memory");
    for (;;) { /* the reset comes within a few cycles */
    }
}
