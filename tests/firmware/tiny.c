/*
 * Input a (1200 bytes) becomes output y in the same place: y[i] = a[1199 - i] ^ 0x55. Input b (16
 * bytes) becomes output z: z[i] = -b[i], in the same place. When b starts with "do:", its fourth
 * byte commands what a test needs: f: run fails with code 17; s: uses 1000 bytes of stack more; i:
 * an illegal instruction; u: an unaligned word; w: writes behind the arena; o: runs over the stack;
 * x: the process exits with status 3; l: the process sleeps for 20 s. With TINY_STATE each
 * inference since the state was fresh adds 1 to z[0].
 */
#define _POSIX_C_SOURCE 200809L
#include "tiny.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#if !defined(__arm__) && !defined(__riscv)
#include <time.h>
#endif

uint32_t nn_ticks(void);

static uint8_t arena[TINY_ARENA_BYTES] __attribute__((aligned(4)));

int tiny_init(void)
{
#ifdef TINY_INIT_FAILS
    return 23;
#else
    return 0;
#endif
}

void *tiny_input(int i)
{
    return i == 0 ? arena : arena + TINY_A_BYTES;
}

const void *tiny_output(int i)
{
    return i == 0 ? arena : arena + TINY_A_BYTES;
}

static void layer_reverse(void)
{
    for (size_t i = 0; i < TINY_A_BYTES / 2; i++) {
        const uint8_t first = arena[i];
        arena[i] = arena[TINY_A_BYTES - 1 - i] ^ 0x55;
        arena[TINY_A_BYTES - 1 - i] = first ^ 0x55;
    }
}

static void layer_negate(void)
{
    for (size_t i = 0; i < TINY_B_BYTES; i++) {
        arena[TINY_A_BYTES + i] = (uint8_t)-arena[TINY_A_BYTES + i];
    }
}

static void use_stack(volatile uint8_t *into)
{
    volatile uint8_t local[1000];

    for (size_t i = 0; i < sizeof local; i++) {
        local[i] = (uint8_t)i;
    }
    *into = local[999];
}

static uint32_t run_over_stack(uint32_t depth)
{
    volatile uint32_t local[64];

    local[depth % 64] = depth;
    return depth == 0xFFFFFFFFu ? 0 : run_over_stack(depth + 1) + local[0];
}

static int obey(uint8_t command)
{
    volatile uint8_t sink;
    volatile size_t index = TINY_ARENA_BYTES;

    switch (command) {
    case 'f':
        return 17;
    case 's':
        use_stack(&sink);
        return 0;
    case 'i':
        __builtin_trap();
    case 'u':
        return *(volatile int32_t *)(arena + 1) == 0x7FFFFFFF;
    case 'w':
        arena[index] = 1;
        return 0;
    case 'o':
        return (int)run_over_stack(0);
#if !defined(__arm__) && !defined(__riscv)
    case 'x':
        exit(3);
    case 'l':
        for (struct timespec left = {20, 0}; nanosleep(&left, &left) != 0;) {
        }
        return 0;
#endif
    default:
        return 0;
    }
}

#ifdef TINY_STATE
static uint8_t inferences;

void tiny_reset(void)
{
    inferences = 0;
}
#endif

int tiny_run(void)
{
    if (memcmp(arena + TINY_A_BYTES, "do:", 3) == 0) {
        const int result = obey(arena[TINY_A_BYTES + 3]);

        if (result != 0) {
            return result;
        }
    }
    layer_reverse();
    layer_negate();
#ifdef TINY_STATE
    arena[TINY_A_BYTES] = (uint8_t)(arena[TINY_A_BYTES] + inferences++);
#endif
    return 0;
}

#ifdef NN_PROFILE
uint32_t tiny_profile(uint32_t *stamps, uint32_t first, uint32_t count)
{
    static void (*const layers[])(void) = {layer_reverse, layer_negate};
    uint32_t stamped = 0;

    for (uint32_t k = 0; k < 2; k++) {
        if (k == first) {
            stamps[0] = nn_ticks();
        }
        layers[k]();
        if (k >= first && k - first < count) {
            stamps[++stamped] = nn_ticks();
        }
    }
    return stamped;
}
#endif
