/*
 * The Arm MPS2 and MPS3 boards as QEMU plays them: a CMSDK APB UART and SysTick. Where the UART is
 * and which interrupts it has differ between the FPGA images, so the target's description says it.
 * Registers: ARM DDI 0479 (CMSDK), 4.3; the core's: ARM DDI 0403 (ARMv7-M).
 *
 * No interrupt is ever taken: the line is polled, and a masked interrupt only ends the sleep
 * between requests.
 */
#include "fw_board.h"

#ifndef FW_BAUD
#define FW_BAUD 115200
#endif

#define REG(address) (*(volatile uint32_t *)(address))

#define UART_DATA      REG(FW_UART_BASE + 0x00u)
#define UART_STATE     REG(FW_UART_BASE + 0x04u)
#define UART_CTRL      REG(FW_UART_BASE + 0x08u)
#define UART_INTCLEAR  REG(FW_UART_BASE + 0x0Cu)
#define UART_BAUDDIV   REG(FW_UART_BASE + 0x10u)
#define SYST_CSR       REG(0xE000E010u)
#define SYST_RVR       REG(0xE000E014u)
#define SYST_CVR       REG(0xE000E018u)
#define NVIC_ISER      REG(0xE000E100u + FW_UART_RX_IRQ / 32u * 4u)
#define NVIC_ICPR      REG(0xE000E280u + FW_UART_RX_IRQ / 32u * 4u)
#define NVIC_UART_MASK (1u << FW_UART_RX_IRQ % 32u)
#define MPU_CTRL       REG(0xE000ED94u)
#define MPU_RNR        REG(0xE000ED98u)
#define MPU_RBAR       REG(0xE000ED9Cu)
#define MPU_RASR       REG(0xE000EDA0u)

#define STATE_TX_FULL        (1u << 0)
#define STATE_RX_FULL        (1u << 1)
#define CTRL_TX_RX_RXINT     ((1u << 0) | (1u << 1) | (1u << 3))
#define INT_RX               (1u << 1)
#define CSR_CORE_CLOCK_START ((1u << 2) | (1u << 0))
#define SYST_BITS            24
#define MPU_ENABLE_DEFAULT   ((1u << 2) | (1u << 0))
#define RASR_NO_ACCESS_256MB ((1u << 28) | (27u << 1) | (1u << 0))

/* Turns of a waiting loop. A byte at 9600 baud takes 1 ms, 32000 cycles at 32 MHz. */
#define UART_WAIT 1000000u

void fw_board_init(void)
{
#if defined(FW_GUARD_BASE)
    /* The memory below the stack ignores what is written there; a stack that runs over must fault.
     */
    MPU_RNR = 0;
    MPU_RBAR = FW_GUARD_BASE;
    MPU_RASR = RASR_NO_ACCESS_256MB;
    MPU_CTRL = MPU_ENABLE_DEFAULT;
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
    UART_BAUDDIV = (FW_CLOCK_HZ + FW_BAUD / 2) / FW_BAUD;
    __asm volatile("cpsid i" ::: "memory");
    UART_CTRL = CTRL_TX_RX_RXINT;
    NVIC_ISER = NVIC_UART_MASK;
    SYST_RVR = (1u << SYST_BITS) - 1u;
    SYST_CVR = 0;
    SYST_CSR = CSR_CORE_CLOCK_START;
}

uint32_t fw_clock_hz(void)
{
    return FW_CLOCK_HZ;
}

/* SysTick counts down 24 bits; in the upper bits of a word it counts up and wraps as asked for. */
uint32_t fw_ticks(void)
{
    return (0u - SYST_CVR) << (32 - SYST_BITS);
}

enum fw_timer_unit fw_timer_unit(void)
{
    return FW_TIMER_TICKS;
}

int fw_getc(void)
{
    if (!(UART_STATE & STATE_RX_FULL)) {
        __asm volatile("wfi" ::: "memory"); /* a byte that came since the look ends it at once */
        UART_INTCLEAR = INT_RX;
        NVIC_ICPR = NVIC_UART_MASK;
        return -1;
    }
    return (int)(UART_DATA & 0xFFu);
}

void fw_putc(uint8_t byte)
{
    for (uint32_t turn = 0; turn < UART_WAIT; turn++) {
        if (!(UART_STATE & STATE_TX_FULL)) {
            UART_DATA = byte;
            return;
        }
    }
}

void fw_flush(void)
{
    for (uint32_t turn = 0; turn < UART_WAIT && (UART_STATE & STATE_TX_FULL); turn++) {
    }
}
