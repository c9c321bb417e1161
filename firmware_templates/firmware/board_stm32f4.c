/*
 * STM32F405 and its relatives (F407, F415, F417): 168 MHz from the crystal when it answers, else
 * the internal 16 MHz; USART1 on PA9 (TX) and PA10 (RX); the core's cycle counter, else timer 2.
 * Registers: ST RM0090; the core's: ARM DDI 0403 (ARMv7-M).
 *
 * No interrupt is ever taken, so that nothing disturbs what is being measured: the line is polled,
 * and a masked interrupt only ends the sleep between requests. While the board sends, it keeps what
 * arrives in a small queue.
 */
#include "fw_board.h"

#ifndef FW_BAUD
#define FW_BAUD 115200
#endif
#ifndef FW_HSE_HZ
#define FW_HSE_HZ 8000000 /* the crystal of Nucleo and Discovery boards */
#endif
#if FW_HSE_HZ % 1000000 != 0 || FW_HSE_HZ < 4000000 || FW_HSE_HZ > 26000000
#error "FW_HSE_HZ must be a whole number of MHz from 4 to 26"
#endif

#define HSI_HZ       16000000u
#define PLL_HZ       168000000u
#define APB2_DIVIDER 2u

#ifndef REG /* a test on another computer puts simulated registers here */
#define REG(address)      (*(volatile uint32_t *)(address))
#define MASK_INTERRUPTS() __asm volatile("cpsid i" ::: "memory")
#define SLEEP()           __asm volatile("wfi" ::: "memory")
#endif

#define RCC_CR_ADDRESS     0x40023800u
#define RCC_CR             REG(RCC_CR_ADDRESS)
#define RCC_PLLCFGR        REG(0x40023804u)
#define RCC_CFGR_ADDRESS   0x40023808u
#define RCC_CFGR           REG(RCC_CFGR_ADDRESS)
#define RCC_AHB1ENR        REG(0x40023830u)
#define RCC_APB1ENR        REG(0x40023840u)
#define RCC_APB2ENR        REG(0x40023844u)
#define FLASH_ACR_ADDRESS  0x40023C00u
#define FLASH_ACR          REG(FLASH_ACR_ADDRESS)
#define GPIOA_MODER        REG(0x40020000u)
#define GPIOA_PUPDR        REG(0x4002000Cu)
#define GPIOA_AFRH         REG(0x40020024u)
#define USART1_SR          REG(0x40011000u)
#define USART1_DR          REG(0x40011004u)
#define USART1_BRR         REG(0x40011008u)
#define USART1_CR1         REG(0x4001100Cu)
#define USART1_CR2         REG(0x40011010u)
#define USART1_CR3         REG(0x40011014u)
#define TIM2_CNT_ADDRESS   0x40000024u
#define TIM2_CR1           REG(0x40000000u)
#define TIM2_EGR           REG(0x40000014u)
#define TIM2_PSC           REG(0x40000028u)
#define TIM2_ARR           REG(0x4000002Cu)
#define DWT_CTRL           REG(0xE0001000u)
#define DWT_CYCCNT_ADDRESS 0xE0001004u
#define DCB_DEMCR          REG(0xE000EDFCu)
#define DBGMCU_CR          REG(0xE0042004u)
#define NVIC_ISER1         REG(0xE000E104u)
#define NVIC_ICPR1         REG(0xE000E284u)

#define CR_HSION        (1u << 0)
#define CR_HSIRDY       (1u << 1)
#define CR_HSEON        (1u << 16)
#define CR_HSERDY       (1u << 17)
#define CR_PLLON        (1u << 24)
#define CR_PLLRDY       (1u << 25)
#define CFGR_SW         3u
#define CFGR_SW_PLL     2u
#define CFGR_SWS        (3u << 2)
#define CFGR_SWS_PLL    (2u << 2)
#define CFGR_PRESCALERS ((5u << 10) | (4u << 13)) /* APB1 / 4 = 42 MHz, APB2 / 2 = 84 MHz */
/* HSE / M = 1 MHz, * 336 = 336 MHz, / P = 2; Q = 7 gives the 48 MHz of USB */
#define PLLCFGR_168_MHZ             ((FW_HSE_HZ / 1000000u) | (336u << 6) | (1u << 22) | (7u << 24))
#define ACR_LATENCY                 0xFu
#define ACR_5_WAITS_PREFETCH_CACHES (5u | (1u << 8) | (1u << 9) | (1u << 10))
#define SR_RXNE                     (1u << 5)
#define SR_TC                       (1u << 6)
#define SR_TXE                      (1u << 7)
#define CR1_UE_RXNEIE_TE_RE         ((1u << 13) | (1u << 5) | (1u << 3) | (1u << 2))
#define DEMCR_TRCENA                (1u << 24)
#define DBG_SLEEP                   (1u << 0) /* a debug probe reaches a sleeping core */
#define NVIC_USART1                 (1u << (37 - 32))

/* Turns of a waiting loop, each at least 4 cycles. A crystal starts in about 2 ms; a byte at 9600
 * baud takes 1 ms, 175000 cycles at 168 MHz. */
#define CLOCK_WAIT 100000u
#define UART_WAIT  1000000u

#define QUEUE_BYTES 64u /* a power of two */

static volatile uint8_t fw_uart_queue[QUEUE_BYTES] __attribute__((section(".bss.fw_uart_queue")));
static uint8_t queue_head, queue_tail;
static uint32_t timer; /* address of the counter */
static uint8_t on_pll;

/* 1 when the masked bits of the register took the value in time. */
static int wait_for(uint32_t address, uint32_t mask, uint32_t value)
{
    for (uint32_t turn = 0; turn < CLOCK_WAIT; turn++) {
        if ((REG(address) & mask) == value) {
            return 1;
        }
    }
    return 0;
}

/* 1 when the core runs from the PLL at 168 MHz, 0 when it stays on the internal 16 MHz. */
static int start_pll(void)
{
    /* The ROM boot loader leaves the PLL on, and a running PLL cannot be changed. */
    RCC_CR |= CR_HSION;
    if (!wait_for(RCC_CR_ADDRESS, CR_HSIRDY, CR_HSIRDY)) {
        return 0;
    }
    RCC_CFGR &= ~CFGR_SW;
    if (!wait_for(RCC_CFGR_ADDRESS, CFGR_SWS, 0)) {
        return 0;
    }
    RCC_CFGR = 0;
    RCC_CR &= ~CR_PLLON;
    RCC_CR |= CR_HSEON;
    if (!wait_for(RCC_CR_ADDRESS, CR_PLLRDY, 0) ||
        !wait_for(RCC_CR_ADDRESS, CR_HSERDY, CR_HSERDY)) {
        RCC_CR &= ~CR_HSEON;
        return 0;
    }
    RCC_PLLCFGR = PLLCFGR_168_MHZ;
    RCC_CR |= CR_PLLON;
    FLASH_ACR = ACR_5_WAITS_PREFETCH_CACHES;
    if (wait_for(FLASH_ACR_ADDRESS, ACR_LATENCY, ACR_5_WAITS_PREFETCH_CACHES & ACR_LATENCY) &&
        wait_for(RCC_CR_ADDRESS, CR_PLLRDY, CR_PLLRDY)) {
        RCC_CFGR = CFGR_PRESCALERS | CFGR_SW_PLL;
        if (wait_for(RCC_CFGR_ADDRESS, CFGR_SWS, CFGR_SWS_PLL)) {
            return 1;
        }
        RCC_CFGR = 0;
    }
    RCC_CR &= ~(CR_PLLON | CR_HSEON);
    return 0;
}

static void start_uart(void)
{
    const uint32_t clock = on_pll ? PLL_HZ / APB2_DIVIDER : HSI_HZ;

    RCC_AHB1ENR |= 1u << 0; /* GPIOA */
    RCC_APB2ENR |= 1u << 4; /* USART1 */
    (void)RCC_APB2ENR;      /* a clock takes two cycles to arrive */
    GPIOA_MODER = (GPIOA_MODER & ~(0xFu << 18)) | (0xAu << 18);
    GPIOA_PUPDR = (GPIOA_PUPDR & ~(3u << 20)) | (1u << 20); /* an open line is silent */
    GPIOA_AFRH = (GPIOA_AFRH & ~0xFF0u) | 0x770u;
    USART1_CR1 = 0; /* the ROM boot loader leaves it at 8E1 */
    USART1_CR2 = 0;
    USART1_CR3 = 0;
    USART1_BRR = (clock + FW_BAUD / 2) / FW_BAUD;
    MASK_INTERRUPTS();
    USART1_CR1 = CR1_UE_RXNEIE_TE_RE;
    NVIC_ISER1 = NVIC_USART1;
    DBGMCU_CR |= DBG_SLEEP;
}

static void start_timer(void)
{
    DCB_DEMCR |= DEMCR_TRCENA;
    REG(DWT_CYCCNT_ADDRESS) = 0;
    DWT_CTRL |= 1u;
    timer = DWT_CYCCNT_ADDRESS;
    const uint32_t before = fw_ticks();
    if (fw_ticks() != before) {
        return;
    }
    timer = TIM2_CNT_ADDRESS;
    RCC_APB1ENR |= 1u << 0;
    (void)RCC_APB1ENR;
    TIM2_PSC = 0;
    TIM2_ARR = 0xFFFFFFFFu;
    TIM2_EGR = 1;
    TIM2_CR1 = 1;
}

void fw_board_init(void)
{
    on_pll = (uint8_t)start_pll();
    start_uart();
    start_timer();
}

uint32_t fw_clock_hz(void)
{
    return on_pll ? PLL_HZ : HSI_HZ;
}

uint32_t fw_ticks(void)
{
    return REG(timer);
}

enum fw_timer_unit fw_timer_unit(void)
{
    return timer == DWT_CYCCNT_ADDRESS ? FW_TIMER_CORE_CYCLES : FW_TIMER_TICKS;
}

/* Move a received byte into the queue. Reading SR, then DR also clears an overrun. */
static void receive(void)
{
    if (!(USART1_SR & SR_RXNE)) {
        return;
    }
    const uint8_t byte = (uint8_t)USART1_DR;
    const uint8_t next = (queue_head + 1u) % QUEUE_BYTES;

    if (next != queue_tail) {
        fw_uart_queue[queue_head] = byte;
        queue_head = next;
    }
}

int fw_getc(void)
{
    receive();
    if (queue_tail == queue_head) {
        SLEEP(); /* a byte that came since receive() looked ends it at once */
        NVIC_ICPR1 = NVIC_USART1;
        return -1;
    }
    const uint8_t byte = fw_uart_queue[queue_tail];

    queue_tail = (queue_tail + 1u) % QUEUE_BYTES;
    return byte;
}

void fw_putc(uint8_t byte)
{
    for (uint32_t turn = 0; turn < UART_WAIT; turn++) {
        if (USART1_SR & SR_TXE) {
            USART1_DR = byte;
            return;
        }
        receive();
    }
}

void fw_flush(void)
{
    for (uint32_t turn = 0; turn < UART_WAIT && !(USART1_SR & SR_TC); turn++) {
        receive();
    }
}
