#include "nn_resize_bilinear.h"

#include "nn_float.h"

#define ONE  (1 << NN_BILINEAR_BITS)
#define HALF (1 << (2 * NN_BILINEAR_BITS - 1))

static void pixel_s8(const nn_resize_bilinear_s8_params *p, const int8_t *const rows[2],
                     int32_t down, int32_t x, int8_t *out)
{
    const int32_t *columns = p->columns + 2 * x, across = p->column_shares[x];
    const int8_t *above1 = rows[0] + columns[0], *below1 = rows[1] + columns[0];
    const int8_t *above2 = rows[0] + columns[1], *below2 = rows[1] + columns[1];
    int32_t weight_above1 = (ONE - down) * (ONE - across), weight_below1 = down * (ONE - across);
    int32_t weight_above2 = (ONE - down) * across, weight_below2 = down * across;
    for (int32_t c = 0; c < p->channels; c++) {
        int32_t sum = above1[c] * weight_above1 + below1[c] * weight_below1;
        sum += above2[c] * weight_above2 + below2[c] * weight_below2;
        out[c] = (int8_t)((sum > 0 ? sum + HALF : sum - HALF) / (2 * HALF));
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
