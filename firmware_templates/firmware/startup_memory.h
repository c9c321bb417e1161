/*
 * What the start of every core does with memory: variables, stack paint, the note of a fault. The
 * linker script made from linker.ld.j2 defines the fw_* symbols. Included by startup_*.c alone.
 */
#ifndef STARTUP_MEMORY_H
#define STARTUP_MEMORY_H

#include "fw_board.h"

#define STACK_PAINT 0xC5C5C5C5u
#define FAULT_MAGIC 0xFA017BAD

extern uint32_t fw_stack_base[], fw_stack_top[];
extern uint32_t fw_data_load[], fw_data_start[], fw_data_end[];
extern uint32_t fw_bss_start[], fw_bss_end[];

/* Survives a reset: says why it came. */
static uint32_t fault_note __attribute__((section(".noinit"), used));
static uint8_t started_by_fault;

/* The loops go through volatile pointers so that the compiler makes no call of them: nothing may
 * use the stack while it is painted, up to where it is now. */
static inline __attribute__((always_inline)) void prepare_memory(volatile uint32_t *stack_now)
{
    const volatile uint32_t *from = fw_data_load;

    for (volatile uint32_t *to = fw_data_start; to < fw_data_end; to++) {
        *to = *from++;
    }
    for (volatile uint32_t *to = fw_bss_start; to < fw_bss_end; to++) {
        *to = 0;
    }
    for (volatile uint32_t *to = fw_stack_base; to < stack_now; to++) {
        *to = STACK_PAINT;
    }
    started_by_fault = fault_note == FAULT_MAGIC;
    fault_note = 0;
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

#endif
