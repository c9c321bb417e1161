#include "nn_control.h"

void nn_if(const nn_if_params *p, const uint8_t *condition)
{
    if (*condition != 0) {
        p->yes();
    } else {
        p->no();
    }
}

void nn_while(const nn_while_params *p)
{
    p->begin();
    while (p->more() != 0) {
        p->trip();
    }
}
