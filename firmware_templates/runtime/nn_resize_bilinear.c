#include "nn_resize_bilinear.h"

#include "nn_float.h"

#define HALF (1 << (2 * NN_BILINEAR_BITS - 1))

/* From a to b, `share` of the way, with so many more binary places. */
static int32_t between(int32_t a, int32_t b, int32_t share)
{
    return a * (1 << NN_BILINEAR_BITS) + (b - a) * share;
}

static void pixel_s8(const nn_resize_bilinear_s8_params *p, const int8_t *const rows[2],
                     int32_t down, int32_t x, int8_t *out)
{
    const int32_t *columns = p->columns + 2 * x, across = p->column_shares[x];
    const int8_t *above1 = rows[0] + columns[0], *below1 = rows[1] + columns[0];
    const int8_t *above2 = rows[0] + columns[1], *below2 = rows[1] + columns[1];
    for (int32_t c = 0; c < p->channels; c++) {
        int32_t above = between(above1[c], above2[c], across);
        int32_t sum = between(above, between(below1[c], below2[c], across), down);
        out[c] = (int8_t)((sum + HALF + (sum >> 31)) >> (2 * NN_BILINEAR_BITS)); /* away from 0 */
    }
}

static void pixel_f32(const nn_resize_bilinear_f32_params *p, const float *const rows[2],
                      float down, int32_t x, float *out)
{
    const int32_t *columns = p->columns + 2 * x;
    const float *above1 = rows[0] + columns[0], *below1 = rows[1] + columns[0];
    const float *above2 = rows[0] + columns[1], *below2 = rows[1] + columns[1];
    float across = p->column_shares[x], up = 1.0f - down, back = 1.0f - across;
    for (int32_t c = 0; c < p->channels; c++) {
        float first = above1[c] * up, second = below1[c] * down, sum = first * back;
        NN_MAC_F32(sum, second, back);
        first = above2[c] * up;
        second = below2[c] * down;
        NN_MAC_F32(sum, first, across);
        NN_MAC_F32(sum, second, across);
        out[c] = sum + 0.0f; /* no -0 */
    }
}

/* The kernel `name` by `pixel`. */
#define RESIZE(name, params, type, share_type, pixel)                                              \
    void name(const params *p, const type *in, type *out)                                          \
    {                                                                                              \
        for (int32_t b = 0; b < p->batches; b++, in += p->in_elements) {                           \
            for (int32_t y = 0; y < p->height; y++) {                                              \
                const type *const rows[2] = {in + p->rows[2 * y], in + p->rows[2 * y + 1]};        \
                share_type down = p->row_shares[y];                                                \
                for (int32_t x = 0; x < p->width; x++, out += p->channels) {                       \
                    pixel(p, rows, down, x, out);                                                  \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

RESIZE(nn_resize_bilinear_s8, nn_resize_bilinear_s8_params, int8_t, int32_t, pixel_s8)
RESIZE(nn_resize_bilinear_f32, nn_resize_bilinear_f32_params, float, float, pixel_f32)
