/*
 * QEMU's `virt` machine with a 32-bit RISC-V core: a 16550 UART, the counter of retired
 * instructions, and the device that resets the machine. Sources: QEMU's device tree of the machine;
 * RISC-V Privileged Architecture 1.12, chapter 3.
 *
 * No interrupt is ever taken: the line is polled, and an interrupt that is not enabled globally
 * only ends the sleep between requests.
 */
#include "fw_board.h"

#define REG8(address)  (*(volatile uint8_t *)(address))
#define REG32(address) (*(volatile uint32_t *)(address))

#define UART_DATA     REG8(0x10000000u)
#define UART_IER      REG8(0x10000001u)
#define UART_FCR      REG8(0x10000002u)
#define UART_LCR      REG8(0x10000003u)
#define UART_LSR      REG8(0x10000005u)
#define PLIC_PRIORITY REG32(0x0C000000u + 4u * UART_IRQ)
#define PLIC_ENABLE   REG32(0x0C002000u)
#define PLIC_CLAIM    REG32(0x0C200004u)
#define RESET_DEVICE  REG32(0x00100000u)

#define UART_IRQ      10u
#define IER_RECEIVED  1u
#define FCR_FIFO_ON   1u
#define LCR_8_BITS    3u
#define LSR_RECEIVED  (1u << 0)
#define LSR_TX_EMPTY  (1u << 5)
#define LSR_ALL_SENT  (1u << 6)
#define MIE_EXTERNAL  (1u << 11)
#define RESET_MACHINE 0x7777u

/* Turns of a waiting loop: far longer than a byte takes here. */
#define UART_WAIT 1000000u

void fw_board_init(void)
{
    UART_LCR = LCR_8_BITS;
    UART_FCR = FCR_FIFO_ON;
    (void)UART_DATA; /* what came too early; QEMU's UART asks for nothing more before it is read */
    UART_IER = IER_RECEIVED;
    PLIC_PRIORITY = 1;
    PLIC_ENABLE = 1u << UART_IRQ;
    __asm volatile("csrs mie, %0" ::"r"(MIE_EXTERNAL));
}

uint32_t fw_clock_hz(void)
{
    return 0;
}

uint32_t fw_ticks(void)
{
    uint32_t count;

    __asm volatile("csrr %0, minstret" : "=r"(count)::"memory");
    return count;
}

enum fw_timer_unit fw_timer_unit(void)
{
    return FW_TIMER_TICKS;
}

int fw_getc(void)
{
    if (!(UART_LSR & LSR_RECEIVED)) {
        __asm volatile("wfi" ::: "memory"); /* a byte that came since the look ends it at once */
        PLIC_CLAIM = PLIC_CLAIM;
        return -1;
    }
    return UART_DATA;
}

/* 1 when all of these bits came up in time. */
static int wait_for(uint32_t bits)
{
    for (uint32_t turn = 0; turn < UART_WAIT; turn++) {
        if ((UART_LSR & bits) == bits) {
            return 1;
        }
    }
    return 0;
}

void fw_putc(uint8_t byte)
{
    if (wait_for(LSR_TX_EMPTY)) {
        UART_DATA = byte;
    }
}

void fw_flush(void)
{
    (void)wait_for(LSR_ALL_SENT);
}

void fw_reset(void)
{
    RESET_DEVICE = RESET_MACHINE;
    for (;;) { /* the reset comes at once */
    }
}
