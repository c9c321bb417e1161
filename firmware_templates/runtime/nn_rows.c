#include "nn_rows.h"

#include "nn_port.h"

#include <string.h>

/* Rows of a step's output: `done` are made, from `base` on they are in the strip. */
typedef struct {
    int32_t done, base, until;
} progress;

/* `more` rows behind the input row where the window of output row `row` begins. */
static int32_t input_row(const nn_rows_step *s, int32_t row, int32_t more)
{
    int32_t at = row * s->stride - s->pad_top + more;
    return at < 0 ? 0 : at > s->in_h ? s->in_h : at;
}

/* The first input row that output row `row` and those behind it need. */
static int32_t first_needed(const nn_rows_step *s, int32_t row)
{
    return input_row(s, row, 0);
}

/* One past the last input row that the output rows before `end` need. */
static int32_t end_needed(const nn_rows_step *s, int32_t end)
{
    return input_row(s, end - 1, s->extent);
}

/* How far each step must come for its readers. The functions of a turn are kept apart: that takes
 * less flash. */
static NN_NOINLINE void ask(const nn_rows_step *steps, int32_t count, progress *p)
{
    for (int32_t k = count - 2; k >= 0; k--) {
        p[k].until = p[k].done;
        for (int32_t reader = k + 1; reader < count; reader++) {
            if ((steps[k].readers >> reader & 1) != 0) {
                int32_t end = end_needed(steps + reader, p[reader].until);
                p[k].until = end > p[k].until ? end : p[k].until;
            }
        }
    }
}

/* Moves the rows of the strip of step k that are still needed to its front. */
static NN_NOINLINE void drop_rows(const nn_rows_step *steps, int32_t count, int32_t k, progress *p)
{
    int32_t first = p[k].done, bytes = steps[k].out_row_bytes;
    for (int32_t reader = k + 1; reader < count; reader++) {
        if ((steps[k].readers >> reader & 1) != 0) {
            int32_t needed = first_needed(steps + reader, p[reader].done);
            first = needed < first ? needed : first;
        }
    }
    if (first > p[k].base) {
        int8_t *to = steps[k].out;
        const int8_t *from = to + (first - p[k].base) * bytes;
        for (int32_t row = first; row < p[k].done; row++, to += bytes, from += bytes) {
            memcpy(to, from, (size_t)bytes); /* rows do not overlap, one after the other may */
        }
        p[k].base = first;
    }
}

/* Step s makes the rows that are missing. */
static NN_NOINLINE void make(const nn_rows_step *s, const progress *every, progress *p)
{
    int32_t done = p->done, top = s->pad_top - done * s->stride, first = first_needed(s, done);
    nn_rows_part part;
    part.pad_top = top > 0 ? top : 0;
    part.out_h = p->until - done;
    part.in_h = end_needed(s, p->until) - first;
    for (int32_t i = 0; i < 2; i++) {
        const nn_rows_image *in = s->in + i;
        part.in[i] = in->at + (first - (in->step < 0 ? 0 : every[in->step].base)) * in->row_bytes;
    }
    part.out = s->out + (done - p->base) * s->out_row_bytes;
    s->run(&part);
    p->done = p->until;
}

void nn_rows_run(const nn_rows_step *steps, int32_t count, int32_t rows)
{
    progress p[NN_ROWS_MOST_STEPS] = {{0, 0, 0}};
    int32_t last = count - 1, end = steps[last].out_h;
    while (p[last].done < end) {
        p[last].until = p[last].done + rows < end ? p[last].done + rows : end;
        ask(steps, count, p);
        for (int32_t k = 0; k < count; k++) {
            if (p[k].until > p[k].done) {
                if (k < last) {
                    drop_rows(steps, count, k, p);
                }
                make(steps + k, p, p + k);
            }
        }
    }
}
