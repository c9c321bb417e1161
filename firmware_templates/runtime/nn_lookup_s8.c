#include "nn_lookup.h"

void nn_lookup_s8(const nn_lookup_params *p, const int8_t *in, int8_t *out)
{
    const int8_t *table = p->table;
    int32_t i = 0;

    /* Four loads one after the other hide their latency; all are read before any is written. */
    for (; i + 4 <= p->size; i += 4) {
        uint8_t a = (uint8_t)in[i];
        uint8_t b = (uint8_t)in[i + 1];
        uint8_t c = (uint8_t)in[i + 2];
        uint8_t d = (uint8_t)in[i + 3];
        int8_t fa = table[a];
        int8_t fb = table[b];
        int8_t fc = table[c];
        int8_t fd = table[d];

        out[i] = fa;
        out[i + 1] = fb;
        out[i + 2] = fc;
        out[i + 3] = fd;
    }
    for (; i < p->size; i++) {
        out[i] = table[(uint8_t)in[i]];
    }
}
