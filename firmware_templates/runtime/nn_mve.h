/*
 * Moving bytes by Helium's vectors of 16, with twins in portable C, so that the same kernels run
 * and are checked on any computer. No function reads or writes a byte that it was not given.
 */
#ifndef NN_MVE_H
#define NN_MVE_H

#include <stdint.h>
#include <string.h>

#if defined(__ARM_FEATURE_MVE)

#define NN_MVE_CLOBBERED "lr", "q0", "memory"

/* n >= 1 bytes that do not overlap. */
static inline void nn_mve_copy(int8_t *to, const int8_t *from, int32_t n)
{
    __asm volatile("dlstp.8 lr, %[n]\n"
                   "1:\n\t"
                   "vldrb.8 q0, [%[from]], #16\n\t"
                   "vstrb.8 q0, [%[to]], #16\n\t"
                   "letp lr, 1b"
                   : [to] "+r"(to), [from] "+r"(from)
                   : [n] "r"(n)
                   : NN_MVE_CLOBBERED);
}

/* n >= 1 bytes of one value. */
static inline void nn_mve_fill(int8_t *to, int32_t value, int32_t n)
{
    __asm volatile("vdup.8 q0, %[value]\n\t"
                   "dlstp.8 lr, %[n]\n"
                   "1:\n\t"
                   "vstrb.8 q0, [%[to]], #16\n\t"
                   "letp lr, 1b"
                   : [to] "+r"(to)
                   : [value] "r"(value), [n] "r"(n)
                   : NN_MVE_CLOBBERED);
}

/* count >= 1 pieces of 1 to 16 bytes, from and to addresses that lie `from_step` and `to_step`
 * bytes apart. */
static inline void nn_mve_spread(int8_t *to, int32_t to_step, const int8_t *from, int32_t from_step,
                                 int32_t bytes, int32_t count)
{
    uint32_t predicate; /* the compiler's own, which it cannot be told to keep elsewhere */
    __asm volatile(
        "vmrs %[predicate], p0\n\t"
        "vctp.8 %[bytes]\n\t"
        "dls lr, %[count]\n"
        "1:\n\t"
        "vpstt\n\t"
        "vldrbt.8 q0, [%[from]]\n\t"
        "vstrbt.8 q0, [%[to]]\n\t"
        "add %[from], %[from], %[from_step]\n\t"
        "add %[to], %[to], %[to_step]\n\t"
        "le lr, 1b\n\t"
        "vmsr p0, %[predicate]"
        : [to] "+r"(to), [from] "+r"(from), [predicate] "=&r"(predicate)
        : [to_step] "r"(to_step), [from_step] "r"(from_step), [bytes] "r"(bytes), [count] "r"(count)
        : NN_MVE_CLOBBERED);
}

#else

static inline void nn_mve_copy(int8_t *to, const int8_t *from, int32_t n)
{
    memcpy(to, from, (size_t)n);
}

static inline void nn_mve_fill(int8_t *to, int32_t value, int32_t n)
{
    memset(to, value, (size_t)n);
}

static inline void nn_mve_spread(int8_t *to, int32_t to_step, const int8_t *from, int32_t from_step,
                                 int32_t bytes, int32_t count)
{
    for (; count > 0; count--, to += to_step, from += from_step) {
        memcpy(to, from, (size_t)bytes);
    }
}

#endif

#endif
