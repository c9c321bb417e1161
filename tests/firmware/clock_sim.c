/*
 * board_stm32f4.c on this computer, over simulated registers. Argument: a letter for each part that
 * works (i HSI, e HSE, p PLL, s clock switch, w flash wait states, c cycle counter); b: start as
 * the ROM boot loader leaves it. Prints what the board made of it, and how often it touched a
 * register.
 */
#include <stdint.h>

static volatile uint32_t *touch(uint32_t address);

#define REG(address)      (*touch(address))
#define MASK_INTERRUPTS() ((void)0)
#define SLEEP()           ((void)0)
#include "board_stm32f4.c"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *works;
static uint32_t touched;
static struct {
    uint32_t address;
    volatile uint32_t value;
} registers[64];

static volatile uint32_t *at(uint32_t address)
{
    for (int i = 0; i < 64; i++) {
        if (registers[i].address == address || registers[i].address == 0) {
            registers[i].address = address;
            return &registers[i].value;
        }
    }
    abort();
}

/* `ready` follows `on` for a part that works. */
static void follow(volatile uint32_t *reg, char part, uint32_t on, uint32_t ready)
{
    *reg = strchr(works, part) && *reg & on ? *reg | ready : *reg & ~ready;
}

/* Every access is a step of the hardware. */
static volatile uint32_t *touch(uint32_t address)
{
    volatile uint32_t *cr = at(RCC_CR_ADDRESS);
    volatile uint32_t *cfgr = at(RCC_CFGR_ADDRESS);

    touched++;
    follow(cr, 'i', CR_HSION, CR_HSIRDY);
    follow(cr, 'e', CR_HSEON, CR_HSERDY);
    follow(cr, 'p', CR_PLLON, CR_PLLRDY);
    if (strchr(works, 's') || (*cfgr & CFGR_SW) == 0) {
        *cfgr = (*cfgr & ~CFGR_SWS) | (*cfgr & CFGR_SW) << 2;
    }
    if (!strchr(works, 'w')) {
        *at(FLASH_ACR_ADDRESS) &= ~ACR_LATENCY;
    }
    if (strchr(works, 'c')) {
        *at(DWT_CYCCNT_ADDRESS) += 1;
    }
    return at(address);
}

int main(int argc, char **argv)
{
    works = argc > 1 ? argv[1] : "";
    if (strchr(works, 'b')) {
        *at(RCC_CR_ADDRESS) = CR_HSION | CR_HSIRDY | CR_PLLON | CR_PLLRDY;
        *at(RCC_CFGR_ADDRESS) = CFGR_SW_PLL | CFGR_SWS_PLL;
        USART1_CR1 = 0x340C; /* 8E1 */
    }
    fw_board_init();
    const uint32_t start = touched;
    fw_putc('x'); /* to a transmitter that takes nothing */
    fw_flush();
    printf("%u %u %u %u %u %u %u %u\n", fw_clock_hz(), (unsigned)fw_timer_unit(), USART1_BRR,
           USART1_CR1, RCC_CFGR & CFGR_SW, RCC_CR & (CR_PLLON | CR_HSEON), FLASH_ACR, start);
    return 0;
}
