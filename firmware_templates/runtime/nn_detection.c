#include "nn_detection.h"

#include <math.h>
#include <string.h>

#include "nn_float.h"

typedef struct {
    float y_min, x_min, y_max, x_max;
} nn_box;

/* The score of box i is scores[i * step]. */
typedef struct {
    const float *scores;
    int32_t step;
} nn_scores;

static float half_of(float code, float scale, float size)
{
    return (float)(0.5 * exp((double)code / (double)scale) * (double)size);
}

static float centre_of(float code, float scale, float size, float at)
{
    return (float)((double)code / (double)scale * (double)size + (double)at);
}

/* Whether all boxes have an area. */
static int decode(const nn_detection_params *p, const float *codes, const float *anchors,
                  nn_box *boxes)
{
    int all = 1;
    for (int32_t i = 0; i < p->boxes; i++) {
        const float y = centre_of(codes[0], p->scales[0], anchors[2], anchors[0]);
        const float x = centre_of(codes[1], p->scales[1], anchors[3], anchors[1]);
        const float half_h = half_of(codes[2], p->scales[2], anchors[2]);
        const float half_w = half_of(codes[3], p->scales[3], anchors[3]);
        const nn_box box = {y - half_h, x - half_w, y + half_h, x + half_w};
        if (box.y_min >= box.y_max || box.x_min >= box.x_max) {
            all = 0;
        }
        boxes[i] = box;
        codes += p->coordinates;
        anchors += 4;
    }
    return all;
}

static float above_zero(float x)
{
    return x < 0.0f ? 0.0f : x;
}

static float overlap_of(const nn_box *a, const nn_box *b)
{
    const float area_a = (a->y_max - a->y_min) * (a->x_max - a->x_min);
    const float area_b = (b->y_max - b->y_min) * (b->x_max - b->x_min);
    if (area_a <= 0.0f || area_b <= 0.0f) {
        return 0.0f;
    }
    const float y_min = a->y_min < b->y_min ? b->y_min : a->y_min;
    const float x_min = a->x_min < b->x_min ? b->x_min : a->x_min;
    const float y_max = b->y_max < a->y_max ? b->y_max : a->y_max;
    const float x_max = b->x_max < a->x_max ? b->x_max : a->x_max;
    const float shared = above_zero(y_max - y_min) * above_zero(x_max - x_min);
    return shared / (area_a + area_b - shared);
}

/* Whether box a stands behind box b. */
static int behind(const nn_scores *s, int32_t a, int32_t b)
{
    const float score_a = s->scores[a * s->step], score_b = s->scores[b * s->step];
    return score_a < score_b || (!(score_b < score_a) && a > b);
}

/* Restores the heap of n boxes, whose last box by order is at its top, from `root` downwards. */
static void sift(const nn_scores *s, int32_t *order, int32_t root, int32_t n)
{
    const int32_t moved = order[root];
    for (int32_t child = 2 * root + 1; child < n; child = 2 * root + 1) {
        if (child + 1 < n && behind(s, order[child + 1], order[child])) {
            child++;
        }
        if (!behind(s, order[child], moved)) {
            break;
        }
        order[root] = order[child];
        root = child;
    }
    order[root] = moved;
}

static void sort(const nn_scores *s, int32_t *order, int32_t n)
{
    for (int32_t root = n / 2 - 1; root >= 0; root--) {
        sift(s, order, root, n);
    }
    for (int32_t end = n - 1; end > 0; end--) {
        const int32_t last = order[0];
        order[0] = order[end];
        order[end] = last;
        sift(s, order, 0, end);
    }
}

/* Puts into `order` the boxes that are left, at most `most`, best first; returns how many. */
static int32_t suppress(const nn_detection_params *p, const nn_box *boxes, const nn_scores *s,
                        int32_t most, int32_t *order)
{
    int32_t n = 0, kept = 0;
    for (int32_t i = 0; i < p->boxes; i++) {
        if (s->scores[i * s->step] >= p->least_score) {
            order[n++] = i;
        }
    }
    sort(s, order, n);
    while (kept < n && kept < most) {
        const nn_box *best = boxes + order[kept++];
        int32_t left = kept;
        for (int32_t i = kept; i < n; i++) {
            if (!(overlap_of(best, boxes + order[i]) > p->most_overlap)) {
                order[left++] = order[i];
            }
        }
        n = left;
    }
    return kept;
}

static void give(const nn_detection_params *p, const nn_box *boxes, const int32_t *found,
                 int32_t count, float *out_boxes, float *out_count)
{
    for (int32_t i = 0; i < p->most; i++) {
        const nn_box none = {0.0f, 0.0f, 0.0f, 0.0f};
        const nn_box box = i < count ? boxes[found[i]] : none;
        memcpy(out_boxes + 4 * i, &box, sizeof box);
    }
    *out_count = (float)count;
}

void nn_detection_regular(const nn_detection_params *p, const float *codes, const float *scores,
                          const float *anchors, float *out_boxes, float *out_classes,
                          float *out_scores, float *out_count, int8_t *scratch)
{
    nn_box *boxes = (nn_box *)(void *)scratch;
    int32_t *order = (int32_t *)(void *)(boxes + p->boxes), *found = order + p->boxes;
    const int whole = decode(p, codes, anchors, boxes);
    int32_t count = 0;
    memset(out_classes, 0, (size_t)p->most * sizeof *out_classes);
    memset(out_scores, 0, (size_t)p->most * sizeof *out_scores);
    for (int32_t kind = 0; whole && kind < p->classes; kind++) {
        const nn_scores s = {scores + p->columns - p->classes + kind, p->columns};
        const int32_t kept = suppress(p, boxes, &s, p->per_class, order);
        for (int32_t i = 0; i < kept; i++) {
            const float score = s.scores[order[i] * s.step];
            /* behind those of its score that were found before */
            int32_t place = count;
            while (place > 0 && out_scores[place - 1] < score) {
                place--;
            }
            if (place == p->most) {
                break;
            }
            count += count < p->most ? 1 : 0;
            for (int32_t k = count - 1; k > place; k--) {
                found[k] = found[k - 1];
                out_scores[k] = out_scores[k - 1];
                out_classes[k] = out_classes[k - 1];
            }
            found[place] = order[i];
            out_scores[place] = score;
            out_classes[place] = (float)kind;
        }
    }
    give(p, boxes, found, count, out_boxes, out_count);
}

void nn_detection_fast(const nn_detection_params *p, const float *codes, const float *scores,
                       const float *anchors, float *out_boxes, float *out_classes,
                       float *out_scores, float *out_count, int8_t *scratch)
{
    nn_box *boxes = (nn_box *)(void *)scratch;
    int32_t *order = (int32_t *)(void *)(boxes + p->boxes), *kinds = order + p->boxes;
    float *best = (float *)(void *)(kinds + p->boxes);
    const int whole = decode(p, codes, anchors, boxes);
    for (int32_t i = 0; i < p->boxes; i++) {
        const float *of_box = scores + i * p->columns + p->columns - p->classes;
        int32_t kind = 0;
        for (int32_t k = 1; k < p->classes; k++) {
            kind = of_box[kind] < of_box[k] ? k : kind;
        }
        kinds[i] = kind;
        best[i] = of_box[kind];
    }
    const nn_scores s = {best, 1};
    const int32_t count = whole ? suppress(p, boxes, &s, p->most, order) : 0;
    for (int32_t i = 0; i < p->most; i++) {
        out_classes[i] = i < count ? (float)kinds[order[i]] : 0.0f;
        out_scores[i] = i < count ? best[order[i]] : 0.0f;
    }
    give(p, boxes, order, count, out_boxes, out_count);
}
