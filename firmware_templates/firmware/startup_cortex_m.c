/*
 * Start of a Cortex-M core: vector table, reset handler, stack bookkeeping, faults. The linker
 * script made from linker.ld.j2 defines the fw_* symbols. The firmware takes no interrupts, so the
 * table ends after the core's own exceptions.
 */
#include "fw_board.h"

#define SCB_VTOR          (*(volatile uint32_t *)0xE000ED08u)
#define SCB_AIRCR_ADDRESS 0xE000ED0C
#define SCB_AIRCR         (*(volatile uint32_t *)SCB_AIRCR_ADDRESS)
#define SCB_CPACR         (*(volatile uint32_t *)0xE000ED88u)

#define AIRCR_SYSRESETREQ 0x05FA0004 /* with the write key */
#define CPACR_FPU_FULL    (0xFu << 20)

#define STACK_PAINT 0xC5C5C5C5u
#define FAULT_MAGIC 0xFA017BAD

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

extern uint32_t fw_stack_base[], fw_stack_top[];
extern uint32_t fw_data_load[], fw_data_start[], fw_data_end[];
extern uint32_t fw_bss_start[], fw_bss_end[];

int main(void);
void Reset_Handler(void);
void Fault_Handler(void);

/* Survives a reset: says why it came. */
static uint32_t fault_note __attribute__((section(".noinit"), used));
static uint8_t started_by_fault;

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

/* The loops go through volatile pointers so that the compiler makes no call of them: nothing may
 * use the stack while it is painted. */
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

    const volatile uint32_t *from = fw_data_load;
    for (volatile uint32_t *to = fw_data_start; to < fw_data_end; to++) {
        *to = *from++;
    }
    for (volatile uint32_t *to = fw_bss_start; to < fw_bss_end; to++) {
        *to = 0;
    }
    __asm volatile("mov %0, sp" : "=r"(stack_now));
    for (volatile uint32_t *to = fw_stack_base; to < stack_now; to++) {
        *to = STACK_PAINT;
    }
    started_by_fault = fault_note == FAULT_MAGIC;
    fault_note = 0;
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

int fw_started_by_fault(void)
{
    return started_by_fault;
}

uint32_t fw_stack_reserved(void)
{
    return (uint32_t)((const char *)fw_stack_top - (const char *)fw_stack_base);
}

uint32_t fw_stack_used(void)
{
    const volatile uint32_t *p = fw_stack_base;

    while (p < fw_stack_top && *p == STACK_PAINT) {
        p++;
    }
    return (uint32_t)((const volatile char *)fw_stack_top - (const volatile char *)p);
}

void fw_reset(void)
{
    __asm volatile("dsb" ::: "memory");
    SCB_AIRCR = AIRCR_SYSRESETREQ;
    __asm volatile("dsb" ::: "memory");
    for (;;) { /* the reset comes within a few cycles */
    }
}
