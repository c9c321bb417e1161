/*
 * ADD_N: the sum of two to eight tensors of one shape, element by element. Of int8 all have one
 * scale and zero point: the sum of the codes plus `offset`, times 2^19, is rescaled. Aliasing: out
 * may be one of the inputs. Scratch: none.
 */
#ifndef NN_ADD_N_H
#define NN_ADD_N_H

#include <stdint.h>

typedef struct {
    int32_t size;
    int32_t offset;
    int32_t multiplier, shift;
    int32_t out_zero_point;
} nn_add_n_s8_params;

typedef struct {
    int32_t size;
} nn_add_n_f32_params;

void nn_add_2_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, int8_t *out);
void nn_add_3_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 int8_t *out);
void nn_add_4_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 const int8_t *d, int8_t *out);
void nn_add_5_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 const int8_t *d, const int8_t *e, int8_t *out);
void nn_add_6_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 const int8_t *d, const int8_t *e, const int8_t *f, int8_t *out);
void nn_add_7_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 const int8_t *d, const int8_t *e, const int8_t *f, const int8_t *g, int8_t *out);
void nn_add_8_s8(const nn_add_n_s8_params *p, const int8_t *a, const int8_t *b, const int8_t *c,
                 const int8_t *d, const int8_t *e, const int8_t *f, const int8_t *g,
                 const int8_t *h, int8_t *out);
void nn_add_2_f32(const nn_add_n_f32_params *p, const float *a, const float *b, float *out);
void nn_add_3_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  float *out);
void nn_add_4_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  const float *d, float *out);
void nn_add_5_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  const float *d, const float *e, float *out);
void nn_add_6_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  const float *d, const float *e, const float *f, float *out);
void nn_add_7_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  const float *d, const float *e, const float *f, const float *g, float *out);
void nn_add_8_f32(const nn_add_n_f32_params *p, const float *a, const float *b, const float *c,
                  const float *d, const float *e, const float *f, const float *g, const float *h,
                  float *out);

#endif
