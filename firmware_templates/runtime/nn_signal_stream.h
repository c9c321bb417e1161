/*
 * Signals that go on from one inference to the next, as TFLM's signal operators have them. What is
 * left over of `rows` signals lies in `kept`, `room` elements for each. Outputs that TFLM would not
 * set are 0. Aliasing: nothing may overlap. Scratch: none.
 */
#ifndef NN_SIGNAL_STREAM_H
#define NN_SIGNAL_STREAM_H

#include <stdint.h>

/*
 * Takes `frames` steps of `step` samples a row; after each there is a frame of the first `size`
 * samples, of which `step` are dropped then, once there are so many. *count samples of each row are
 * kept. *whole: all frames were there.
 */
typedef struct {
    int32_t rows, frames, size, step, room;
} nn_framer_params;

void nn_framer(const nn_framer_params *p, const int16_t *in, int16_t *kept, int32_t *count,
               int16_t *out, uint8_t *whole);

/*
 * Keeps inputs of `channels` numbers, `left` copies of the very first one before it (*count is -1
 * then), until there are `frames`, which are the output; `step` of them are dropped then.
 */
typedef struct {
    int32_t channels, left, frames, step;
} nn_stacker_params;

void nn_stacker(const nn_stacker_params *p, const int16_t *in, int16_t *kept, int32_t *count,
                int16_t *out, uint8_t *whole);

/* Rows of `size` samples, `length` samples later. */
typedef struct {
    int32_t rows, size, length, room;
} nn_delay_params;

void nn_delay(const nn_delay_params *p, const int16_t *in, int16_t *kept, int16_t *out);

/*
 * Adds frames of `size` samples, each `step` behind the one before; sums of int16 are clamped. Out
 * come `step` samples a frame, to which nothing more is added.
 */
typedef struct {
    int32_t rows, frames, size, step, room;
} nn_overlap_add_params;

void nn_overlap_add_s16(const nn_overlap_add_params *p, const int16_t *in, int16_t *kept,
                        int16_t *out);
void nn_overlap_add_f32(const nn_overlap_add_params *p, const float *in, float *kept, float *out);

#endif
