/*
 * What an inference leaves to the next one: a variable of `bytes` bytes is read, or gets another
 * value. Aliasing: none. Scratch: none.
 */
#ifndef NN_VARIABLE_H
#define NN_VARIABLE_H

#include <stdint.h>

typedef struct {
    int32_t bytes;
} nn_variable_params;

void nn_read_variable(const nn_variable_params *p, const void *variable, void *value);
void nn_assign_variable(const nn_variable_params *p, void *variable, const void *value);

#endif
