#include "nn_move.h"

#include <string.h>

#define LAST (NN_MOVE_LOOPS - 1)

/* The innermost loop; the size of a piece is looked at once for all of its turns. */
static void line(const nn_move_params *p, const uint8_t *in, uint8_t *out)
{
    const int32_t turns = p->turns[LAST], in_step = p->in_step[LAST], out_step = p->out_step[LAST];
    switch (p->size) {
    case 1:
        for (int32_t i = 0; i < turns; i++) {
            out[i * out_step] = in[i * in_step];
        }
        break;
    case 2:
        for (int32_t i = 0; i < turns; i++) {
            memcpy(out + i * out_step, in + i * in_step, 2);
        }
        break;
    case 4:
        for (int32_t i = 0; i < turns; i++) {
            memcpy(out + i * out_step, in + i * in_step, 4);
        }
        break;
    default:
        for (int32_t i = 0; i < turns; i++) {
            memcpy(out + i * out_step, in + i * in_step, (size_t)p->size);
        }
        break;
    }
}

void nn_move(const nn_move_params *p, const void *source, void *target)
{
    int32_t turn[LAST] = {0};
    int32_t from = p->in_offset, to = p->out_offset;
    int32_t loop;
    do {
        line(p, (const uint8_t *)source + from, (uint8_t *)target + to);
        for (loop = LAST - 1; loop >= 0; loop--) {
            from += p->in_step[loop];
            to += p->out_step[loop];
            if (++turn[loop] < p->turns[loop]) {
                break;
            }
            from -= p->turns[loop] * p->in_step[loop];
            to -= p->turns[loop] * p->out_step[loop];
            turn[loop] = 0;
        }
    } while (loop >= 0);
}
