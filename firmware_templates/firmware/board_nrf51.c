/*
 * nRF51822 as QEMU's microbit plays it: its UART and, as the clock, TIMER0 in 32-bit mode.
 * Registers: Nordic nRF51 Series Reference Manual 3.0, chapters 18 (TIMER) and 28 (UART).
 *
 * No interrupt is ever taken: the line is polled, and a masked interrupt only ends the sleep
 * between requests.
 */
#include "fw_board.h"

#ifndef FW_BAUD
#define FW_BAUD 115200
#endif

#define REG(address) (*(volatile uint32_t *)(address))

#define UART_STARTRX    REG(0x40002000u)
#define UART_STARTTX    REG(0x40002008u)
#define UART_RXDRDY     REG(0x40002108u)
#define UART_TXDRDY     REG(0x4000211Cu)
#define UART_INTENSET   REG(0x40002304u)
#define UART_ENABLE     REG(0x40002500u)
#define UART_PSELTXD    REG(0x4000250Cu)
#define UART_PSELRXD    REG(0x40002514u)
#define UART_RXD        REG(0x40002518u)
#define UART_TXD        REG(0x4000251Cu)
#define UART_BAUDRATE   REG(0x40002524u)
#define TIMER_START     REG(0x40008000u)
#define TIMER_CLEAR     REG(0x4000800Cu)
#define TIMER_CAPTURE   REG(0x40008040u)
#define TIMER_BITMODE   REG(0x40008508u)
#define TIMER_PRESCALER REG(0x40008510u)
#define TIMER_CC        REG(0x40008540u)
#define NVIC_ISER       REG(0xE000E100u)
#define NVIC_ICPR       REG(0xE000E280u)

#define ENABLE_UART 4u
#define INT_RXDRDY  (1u << 2)
#define BITMODE_32  3u
#define NVIC_UART0  (1u << 2)
#define PIN_TXD     24u /* of the micro:bit */
#define PIN_RXD     25u

/* Turns of a waiting loop. A byte at 9600 baud takes 1 ms, 16000 cycles at 16 MHz. */
#define UART_WAIT 100000u

static uint8_t sending;

void fw_board_init(void)
{
    UART_PSELTXD = PIN_TXD;
    UART_PSELRXD = PIN_RXD;
    UART_BAUDRATE = (uint32_t)(((uint64_t)FW_BAUD << 32) / FW_CLOCK_HZ);
    UART_ENABLE = ENABLE_UART;
    __asm volatile("cpsid i" ::: "memory");
    UART_INTENSET = INT_RXDRDY;
    NVIC_ISER = NVIC_UART0;
    UART_STARTRX = 1;
    UART_STARTTX = 1;
    TIMER_BITMODE = BITMODE_32;
    TIMER_PRESCALER = 0;
    TIMER_CLEAR = 1;
    TIMER_START = 1;
}

uint32_t fw_clock_hz(void)
{
    return FW_CLOCK_HZ;
}

uint32_t fw_ticks(void)
{
    TIMER_CAPTURE = 1;
    return TIMER_CC;
}

enum fw_timer_unit fw_timer_unit(void)
{
    return FW_TIMER_TICKS;
}

int fw_getc(void)
{
    if (!UART_RXDRDY) {
        __asm volatile("wfi" ::: "memory"); /* a byte that came since the look ends it at once */
        NVIC_ICPR = NVIC_UART0;
        return -1;
    }
    UART_RXDRDY = 0; /* before the byte is taken, for the next one may follow at once */
    return (int)(UART_RXD & 0xFFu);
}

void fw_flush(void)
{
    for (uint32_t turn = 0; sending && turn < UART_WAIT; turn++) {
        if (UART_TXDRDY) {
            UART_TXDRDY = 0;
            sending = 0;
        }
    }
    sending = 0;
}

void fw_putc(uint8_t byte)
{
    fw_flush();
    UART_TXD = byte;
    sending = 1;
}
