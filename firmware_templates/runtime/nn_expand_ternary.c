#include "nn_dsp.h"
#include "nn_expand.h"

enum { BYTES = 0x00ff00ff, DIGITS = 0x00030003 };

/* Times three, a byte's next digit is above the byte. */
#define WORD(add)                                                                                  \
    do {                                                                                           \
        x *= 3;                                                                                    \
        y *= 3;                                                                                    \
        *words++ = add(((x >> 8 & DIGITS) | (y & DIGITS << 8)) * step, least);                     \
        x &= BYTES;                                                                                \
        y &= BYTES;                                                                                \
    } while (0)

#define EXPAND(name, add)                                                                          \
    const uint32_t *name(const uint32_t *restrict stored, int32_t blocks,                          \
                         const uint16_t *restrict table, uint32_t *restrict words)                 \
    {                                                                                              \
        uint32_t step = (uint8_t)(table[1] - table[0]), least = table[0] * 0x10001u;               \
        for (const uint32_t *end = stored + blocks; stored != end; stored++) {                     \
            uint32_t x = *stored & BYTES, y = *stored >> 8 & BYTES;                                \
            WORD(add);                                                                             \
            WORD(add);                                                                             \
            WORD(add);                                                                             \
            WORD(add);                                                                             \
            WORD(add);                                                                             \
        }                                                                                          \
        return stored;                                                                             \
    }

EXPAND(nn_expand_ternary, nn_add16x2)
EXPAND(nn_expand_ternary_bytes, nn_add8x4)
