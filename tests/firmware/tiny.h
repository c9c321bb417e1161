/* A model by hand, with the interface of a generated one: see tiny.c. */
#ifndef TINY_H
#define TINY_H

#include <stdint.h>

#define TINY_ARENA_BYTES 1216
#define TINY_A_BYTES     1200
#define TINY_B_BYTES     16

int tiny_init(void);
void *tiny_input(int i);
const void *tiny_output(int i);
int tiny_run(void);
void tiny_reset(void);
#ifdef NN_PROFILE
uint32_t tiny_profile(uint32_t *stamps, uint32_t first, uint32_t count);
#endif

#endif
