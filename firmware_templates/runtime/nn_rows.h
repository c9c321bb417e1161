/*
 * Stages: steps executed together, a few rows of the last one's output at a time, so that of the
 * tensors between them only the rows exist that somebody still needs.
 *
 * A turn asks the last step for some more rows. Going backwards, each step learns how far its
 * readers need its output; going forwards, each makes just the rows that are missing. The output of
 * an inner step is a strip: when more rows are made, those that are still needed move to its front.
 */
#ifndef NN_ROWS_H
#define NN_ROWS_H

#include <stdint.h>

enum { NN_ROWS_MOST_STEPS = 8 };

/* What a step is called for: in_h rows from in[0] (and in[1]), pad_top rows of padding above the
 * first, make out_h rows at out. */
typedef struct {
    const int8_t *in[2];
    int8_t *out;
    int32_t in_h, out_h, pad_top;
} nn_rows_part;

/* Rows of an image: of a whole tensor, or of a strip when `step` made it, otherwise step < 0. */
typedef struct {
    int8_t *at;
    int32_t row_bytes;
    int32_t step;
} nn_rows_image;

typedef struct {
    void (*run)(const nn_rows_part *part);
    nn_rows_image in[2]; /* the second one's row_bytes are 0 when there is none */
    int8_t *out;
    int32_t out_row_bytes;
    int16_t in_h, out_h; /* rows of the whole tensors */
    /* output row r needs `extent` input rows from r * stride - pad_top on */
    int16_t stride, extent, pad_top;
    uint16_t readers; /* bit s: step s reads the output */
} nn_rows_step;

/* Executes `count` steps, at most NN_ROWS_MOST_STEPS, `rows` rows of the last output at a time. */
void nn_rows_run(const nn_rows_step *steps, int32_t count, int32_t rows);

#endif
