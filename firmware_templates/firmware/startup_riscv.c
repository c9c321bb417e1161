/*
 * Start of a 32-bit RISC-V core in machine mode. Execution begins at the first byte of flash, which
 * no code may change: physical memory protection is locked over it, so that a stack that runs over
 * into it faults. Registers: RISC-V Privileged Architecture 1.12, chapter 3.
 */
#include "fw_board.h"
#include "startup_memory.h"

/* NAPOT, read and execute, locked: holds for machine mode too. */
#define PMP_FLASH_CFG  0x9Du
#define PMP_FLASH_ADDR ((FW_FLASH_BASE >> 2) | ((FW_FLASH_BYTES >> 3) - 1u))

int main(void);
void Reset_Handler(void);
void fw_start(void);
void fw_fault(void);

__attribute__((naked, section(".isr_vector"), used)) void Reset_Handler(void)
{
    __asm volatile("csrw mie, zero\n\t"
                   "la sp, fw_stack_top\n\t"
                   "la t0, fw_trap\n\t"
                   "csrw mtvec, t0\n\t"
                   "tail fw_start");
}

/* Traps come here on the stack that may have run over; restarting needs none of what it held. */
__attribute__((naked, aligned(4), used)) static void fw_trap(void)
{
    __asm volatile("la sp, fw_stack_top\n\t"
                   "tail fw_fault");
}

__attribute__((noreturn, used)) void fw_start(void)
{
    volatile uint32_t *stack_now;

    __asm volatile("csrw pmpaddr0, %0" ::"r"(PMP_FLASH_ADDR));
    __asm volatile("csrw pmpcfg0, %0" ::"r"(PMP_FLASH_CFG));
    __asm volatile("mv %0, sp" : "=r"(stack_now));
    prepare_memory(stack_now);
    main();
    for (;;) {
        fw_reset();
    }
}

/* Restart, and let INFO tell the host. */
__attribute__((used)) void fw_fault(void)
{
    fault_note = FAULT_MAGIC;
    fw_reset();
}
