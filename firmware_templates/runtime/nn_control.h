/*
 * Control flow. The bodies are functions of the generated code, which read and write the arena by
 * themselves. A loop ends when its condition says so: nothing else bounds it.
 */
#ifndef NN_CONTROL_H
#define NN_CONTROL_H

#include <stdint.h>

typedef struct {
    void (*yes)(void);
    void (*no)(void);
} nn_if_params;

/* Runs `yes` when the condition is not 0, else `no`. */
void nn_if(const nn_if_params *p, const uint8_t *condition);

typedef struct {
    void (*begin)(void);
    int32_t (*more)(void); /* not 0: there is another trip */
    void (*trip)(void);
} nn_while_params;

void nn_while(const nn_while_params *p);

#endif
