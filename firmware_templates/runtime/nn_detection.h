/*
 * The end of a detector, as TFLM's TFLite_Detection_PostProcess has it. A box is `coordinates`
 * numbers, the first four of them y, x, height and width in units of its anchor and of 1 / `scales`
 * (height and width as logarithms); its scores are the last `classes` of `columns`. Out come at
 * most `most` boxes (ymin, xmin, ymax, xmax), with class and score, best first, and their number;
 * zeros behind them. Where a box is without area nothing is detected.
 *
 * Decoding is in double precision up to halves of sizes, whose exponential is libm's. Of equal
 * scores the box with the lower number comes first, and of classes the lower one.
 *
 * regular: for each class at most `per_class` boxes that overlap no better one by more than
 * `most_overlap`, and of them all the best. Scratch: 20 bytes for each box, 4 for each of `most`.
 * fast: the same for each box as its best class alone. Scratch: 28 bytes for each box. It is
 * aligned to 4 bytes. Aliasing: nothing may overlap.
 */
#ifndef NN_DETECTION_H
#define NN_DETECTION_H

#include <stdint.h>

typedef struct {
    int32_t boxes, coordinates, columns, classes, most, per_class;
    float least_score, most_overlap;
    const float *scales;
} nn_detection_params;

void nn_detection_regular(const nn_detection_params *p, const float *codes, const float *scores,
                          const float *anchors, float *out_boxes, float *out_classes,
                          float *out_scores, float *out_count, int8_t *scratch);
void nn_detection_fast(const nn_detection_params *p, const float *codes, const float *scores,
                       const float *anchors, float *out_boxes, float *out_classes,
                       float *out_scores, float *out_count, int8_t *scratch);

#endif
