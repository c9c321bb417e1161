#include "nn_rows.h"

#include <string.h>

/* Rows of each step's output: `done` are made, from `base` on they are in the strip. */
typedef struct {
    int32_t done[NN_ROWS_MOST_STEPS], base[NN_ROWS_MOST_STEPS], until[NN_ROWS_MOST_STEPS];
} progress;

static int32_t within(int32_t row, int32_t rows)
{
    return row < 0 ? 0 : row > rows ? rows : row;
}

/* The first input row that output row `row` and those behind it need. */
static int32_t first_needed(const nn_rows_step *s, int32_t row)
{
    return within(row * s->stride - s->pad_top, s->in_h);
}

/* One past the last input row that the output rows before `end` need. */
static int32_t end_needed(const nn_rows_step *s, int32_t end)
{
    return within((end - 1) * s->stride - s->pad_top + s->extent, s->in_h);
}

static void ask(const nn_rows_step *steps, int32_t count, progress *p)
{
    for (int32_t k = count - 2; k >= 0; k--) {
        p->until[k] = p->done[k];
        for (int32_t reader = k + 1; reader < count; reader++) {
            int32_t end = end_needed(steps + reader, p->until[reader]);
            if ((steps[k].readers >> reader & 1) != 0 && end > p->until[k]) {
                p->until[k] = end;
            }
        }
    }
}

/* Moves the rows of the strip of step k that are still needed to its front. */
static void drop_rows(const nn_rows_step *steps, int32_t count, int32_t k, progress *p)
{
    int32_t first = p->done[k], bytes = steps[k].out_row_bytes;
    for (int32_t reader = k + 1; reader < count; reader++) {
        int32_t needed = first_needed(steps + reader, p->done[reader]);
        if ((steps[k].readers >> reader & 1) != 0 && needed < first) {
            first = needed;
        }
    }
    if (first > p->base[k]) {
        int8_t *to = steps[k].out;
        const int8_t *from = to + (first - p->base[k]) * bytes;
        for (int32_t row = first; row < p->done[k]; row++, to += bytes, from += bytes) {
            memcpy(to, from, (size_t)bytes); /* rows do not overlap, one after the other may */
        }
        p->base[k] = first;
    }
}

static void make(const nn_rows_step *s, int32_t k, progress *p)
{
    int32_t first = p->done[k], top = first * s->stride - s->pad_top;
    nn_rows_part part;
    part.pad_top = top < 0 ? -top : 0;
    part.out_h = p->until[k] - first;
    part.in_h = end_needed(s, p->until[k]) - first_needed(s, first);
    for (int32_t i = 0; i < 2; i++) {
        int32_t base = s->in[i].step < 0 ? 0 : p->base[s->in[i].step];
        part.in[i] = s->in[i].at + (first_needed(s, first) - base) * s->in[i].row_bytes;
    }
    part.out = s->out + (first - p->base[k]) * s->out_row_bytes;
    s->run(&part);
    p->done[k] = p->until[k];
}

void nn_rows_run(const nn_rows_step *steps, int32_t count, int32_t rows)
{
    const nn_rows_step *last = steps + count - 1;
    progress p;
    memset(&p, 0, sizeof p);
    while (p.done[count - 1] < last->out_h) {
        p.until[count - 1] = within(p.done[count - 1] + rows, last->out_h);
        ask(steps, count, &p);
        for (int32_t k = 0; k < count; k++) {
            if (p.until[k] > p.done[k]) {
                if (k < count - 1) {
                    drop_rows(steps, count, k, &p);
                }
                make(steps + k, k, &p);
            }
        }
    }
}
