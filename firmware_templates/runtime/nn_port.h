/*
 * What the runtime asks of the compiler. Nothing here depends on a target unless a macro asks for
 * it.
 *
 * NN_MARKERS  emits an unallocated hint before every layer (a no-op on silicon), which an
 * emulator's plugin can count from. Thumb only. NN_PROFILE  adds <model>_profile(), which reads
 * nn_ticks() between the layers.
 */
#ifndef NN_PORT_H
#define NN_PORT_H

#include <stdint.h>

#if defined(__GNUC__)
#define NN_ALIGNED(n) __attribute__((aligned(n)))
/* For inner loops that would lack registers inside their caller. */
#define NN_NOINLINE __attribute__((noinline))
#else
#define NN_ALIGNED(n)
#define NN_NOINLINE
#endif

#if defined(NN_MARKERS) && defined(__thumb__)
#define NN_LAYER() __asm volatile(".inst.n 0xbf90" ::: "memory")
#else
#define NN_LAYER() ((void)0)
#endif

#if defined(NN_PROFILE)
uint32_t nn_ticks(void);
#endif

#endif
