/* Echoes its UART; some bytes are commands. For the tests of the virtual board. */
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))
#define UART_SR      REG(0x40011000)
#define UART_DR      REG(0x40011004)
#define UART_CR1     REG(0x4001100C)
#define RXNE         0x20u
#define TXE          0x80u
#define TIM2_CR1     REG(0x40000000)
#define TIM2_EGR     REG(0x40000014)
#define TIM2_CNT     REG(0x40000024)
#define TIM2_ARR     REG(0x4000002C)
#define AIRCR        REG(0xE000ED0C)
#define CPACR        REG(0xE000ED88)

extern uint32_t stack_top, data_load, data_start, data_end, bss_start, bss_end;
void reset(void);
void region(void);
void region_mixed(void);
void region_floats(void);

__attribute__((section(".vectors"), used)) static const uintptr_t vectors[] = {
    (uintptr_t)&stack_top, (uintptr_t)reset};

/* Big enough that the image has several blocks and two sectors. */
__attribute__((used)) const uint32_t ballast[5000] = {[0] = 0x12345678, [4999] = 0x9ABCDEF0};
static volatile uint32_t initialised = 0x600DF00D;

static void put(uint8_t byte)
{
    while (!(UART_SR & TXE)) {
    }
    UART_DR = byte;
}

static void put32(uint32_t value)
{
    for (int i = 0; i < 4; i++)
        put((uint8_t)(value >> (8 * i)));
}

static uint32_t region_ticks(void)
{
    uint32_t start = TIM2_CNT;
    region();
    return TIM2_CNT - start;
}

static volatile uint32_t words[16];
static volatile float reals[4] = {1.5f, 2.25f, 3.0f, 0.5f};

/* A bit of every class of instruction, for comparing two builds of the cycle model. */
__attribute__((noinline)) void region_mixed(void)
{
    __asm volatile(".inst.n 0xbf70" ::: "memory");
    uint64_t sum = 0;
    for (uint32_t i = 0; i < 200; i++) {
        words[i % 16] += i * i;
        sum += (uint64_t)words[(i + 3) % 16] * i;
        if (sum & 1)
            sum /= 3;
        *(volatile uint32_t *)((uintptr_t)words + 1 + i % 8) = (uint32_t)sum;
    }
    __asm volatile(".inst.n 0xbf90" ::: "memory");
    for (uint32_t i = 0; i < 50; i++) {
        reals[i % 4] = reals[(i + 1) % 4] * reals[(i + 2) % 4] + 1.0f / reals[i % 4];
        uint32_t a = words[i % 16], b = words[i % 7];
        __asm volatile("sxtb16 %0, %0\n smlad %0, %0, %1, %1\n ssat %0, #8, %0" : "+r"(a) : "r"(b));
        words[0] = a;
    }
    __asm volatile(".inst.n 0xbf80" ::: "memory");
}

void reset(void)
{
    CPACR |= 0xFu << 20;
    __asm volatile("dsb\n isb");
    uint32_t *from = &data_load;
    for (uint32_t *to = &data_start; to < &data_end;)
        *to++ = *from++;
    for (uint32_t *to = &bss_start; to < &bss_end;)
        *to++ = 0;
    TIM2_ARR = 0xFFFFFFFF;
    TIM2_EGR = 1;
    TIM2_CR1 = 1;
    UART_CR1 = (1u << 13) | (1u << 3) | (1u << 2);
    put(initialised == 0x600DF00D ? '>' : '?');
    for (;;) {
        while (!(UART_SR & RXNE)) {
        }
        uint8_t byte = (uint8_t)UART_DR;
        if (byte == 'V') {
            region_floats();
        } else if (byte == 'R') {
            region();
        } else if (byte == 'M') {
            region_mixed();
        } else if (byte == 'T') {
            put32(region_ticks());
        } else if (byte == 'X') {
            AIRCR = 0x05FA0004;
        } else if (byte == 'F') {
            *(volatile uint32_t *)0x60000000 = 0; /* no handler: a lock-up */
        } else if (byte == 'D') {
            for (;;) {
            }
        }
        put(byte);
    }
}
