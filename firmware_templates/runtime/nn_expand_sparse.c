#include "nn_dsp.h"
#include "nn_expand.h"

static const uint32_t ODD = 0xff00ff00; /* bytes */

const uint32_t *nn_expand_sparse(const uint32_t *restrict stored, int32_t blocks,
                                 const uint16_t *restrict table, uint32_t *restrict words)
{
    uint32_t map = 0;
    (void)table;
    for (int32_t i = 0; i < blocks; i++, words += 4, map >>= 4) {
        if (i % 8 == 0) {
            map = *stored++;
        }
        uint32_t first = map & 1 ? *stored++ : 0, second = map & 2 ? *stored++ : 0;
        words[0] = nn_add16x2(nn_sxtb16(first), second << 8 & ODD);
        words[2] = nn_add16x2(nn_sxtb16_high(first), second & ODD);
        first = map & 4 ? *stored++ : 0;
        second = map & 8 ? *stored++ : 0;
        words[1] = nn_add16x2(nn_sxtb16(first), second << 8 & ODD);
        words[3] = nn_add16x2(nn_sxtb16_high(first), second & ODD);
    }
    return stored;
}

const uint32_t *nn_expand_sparse_bytes(const uint32_t *restrict stored, int32_t blocks,
                                       const uint16_t *restrict table, uint32_t *restrict words)
{
    uint32_t map = 0;
    (void)table;
    for (int32_t i = 0; i < blocks; i++, map >>= 1) {
        if (i % 32 == 0) {
            map = *stored++;
        }
        words[i] = map & 1 ? *stored++ : 0;
    }
    return stored;
}
