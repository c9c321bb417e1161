#include "nn_variable.h"

#include <string.h>

void nn_read_variable(const nn_variable_params *p, const void *variable, void *value)
{
    memcpy(value, variable, (size_t)p->bytes);
}

void nn_assign_variable(const nn_variable_params *p, void *variable, const void *value)
{
    memcpy(variable, value, (size_t)p->bytes);
}
