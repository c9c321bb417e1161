#include "nn_signal_stream.h"

#include <string.h>

#include "nn_fixedpoint.h"
#include "nn_float.h"

/* A row of numbers: the first `count` are kept, the others come in. */
typedef struct {
    int16_t *kept;
    int32_t count;
    const int16_t *in;
} nn_stream;

/* Copies the n numbers from number `from` on. */
static void copy_out(const nn_stream *s, int32_t from, int32_t n, int16_t *out)
{
    const int32_t old = nn_clamp(s->count - from, 0, n);
    if (old > 0) {
        memcpy(out, s->kept + from, (size_t)old * sizeof *out);
    }
    if (n > old) {
        memcpy(out + old, s->in + (from + old - s->count), (size_t)(n - old) * sizeof *out);
    }
}

/* Keeps the n numbers from number `from` on. */
static void keep(const nn_stream *s, int32_t from, int32_t n)
{
    const int32_t old = nn_clamp(s->count - from, 0, n);
    for (int32_t i = 0; i < old && from > 0; i++) {
        s->kept[i] = s->kept[from + i];
    }
    if (n > old) {
        memcpy(s->kept + old, s->in + (from + old - s->count), (size_t)(n - old) * sizeof *s->kept);
    }
}

void nn_framer(const nn_framer_params *p, const int16_t *in, int16_t *kept, int32_t *count,
               int16_t *out, uint8_t *whole)
{
    int32_t written = 0, taken = 0;
    *whole = 1;
    for (int32_t row = 0; row < p->rows; row++) {
        const nn_stream stream = {kept, *count, in};
        written = *count;
        taken = 0;
        for (int32_t frame = 0; frame < p->frames; frame++) {
            written += p->step;
            if (written - taken >= p->size) {
                copy_out(&stream, taken, p->size, out);
                taken += p->step;
            } else {
                memset(out, 0, (size_t)p->size * sizeof *out);
                *whole = 0;
            }
            out += p->size;
        }
        keep(&stream, taken, written - taken);
        kept += p->room;
        in += p->frames * p->step;
    }
    *count = written - taken;
}

void nn_stacker(const nn_stacker_params *p, const int16_t *in, int16_t *kept, int32_t *count,
                int16_t *out, uint8_t *whole)
{
    int32_t frames = *count;
    if (frames < 0) {
        for (frames = 0; frames < p->left; frames++) {
            memcpy(kept + frames * p->channels, in, (size_t)p->channels * sizeof *in);
        }
    }
    const nn_stream stream = {kept, frames * p->channels, in};
    int32_t taken = 0;
    frames++;
    *whole = frames == p->frames ? 1 : 0;
    if (*whole) {
        copy_out(&stream, 0, frames * p->channels, out);
        taken = p->step;
    } else {
        memset(out, 0, (size_t)(p->frames * p->channels) * sizeof *out);
    }
    keep(&stream, taken * p->channels, (frames - taken) * p->channels);
    *count = frames - taken;
}

void nn_delay(const nn_delay_params *p, const int16_t *in, int16_t *kept, int16_t *out)
{
    for (int32_t row = 0; row < p->rows; row++) {
        const nn_stream stream = {kept, p->length, in};
        copy_out(&stream, 0, p->size, out);
        keep(&stream, p->size, p->length);
        kept += p->room;
        in += p->size;
        out += p->size;
    }
}

/* Of what is kept, number i is written when it has been read. */
#define NN_OVERLAP_ADD(name, type, sum_of)                                                         \
    void name(const nn_overlap_add_params *p, const type *in, type *kept, type *out)               \
    {                                                                                              \
        const int32_t left = p->size - p->step;                                                    \
        for (int32_t row = 0; row < p->rows; row++) {                                              \
            for (int32_t frame = 0; frame < p->frames; frame++) {                                  \
                for (int32_t i = 0; i < p->size; i++) {                                            \
                    const type before = i < left ? kept[i] : 0;                                    \
                    const type sum = sum_of(before, in[i]);                                        \
                    if (i < p->step) {                                                             \
                        out[i] = sum;                                                              \
                    } else {                                                                       \
                        kept[i - p->step] = sum;                                                   \
                    }                                                                              \
                }                                                                                  \
                in += p->size;                                                                     \
                out += p->step;                                                                    \
            }                                                                                      \
            kept += p->room;                                                                       \
        }                                                                                          \
    }

#define NN_CLAMPED_SUM(a, b) ((int16_t)nn_clamp((a) + (b), INT16_MIN, INT16_MAX))
#define NN_SUM(a, b)         ((a) + (b))

NN_OVERLAP_ADD(nn_overlap_add_s16, int16_t, NN_CLAMPED_SUM)
NN_OVERLAP_ADD(nn_overlap_add_f32, float, NN_SUM)
