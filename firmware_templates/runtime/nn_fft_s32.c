#define NN_T                     int32_t
#define NN_PARAMS                nn_fft_s32_params
#define NN_RFFT                  nn_rfft_s32
#define NN_IRFFT                 nn_irfft_s32
#define NN_ADD(a, b)             ((int32_t)((uint32_t)(a) + (uint32_t)(b)))
#define NN_SUB(a, b)             ((int32_t)((uint32_t)(a) - (uint32_t)(b)))
#define NN_ROUNDED(x)            ((int32_t)(((x) + (1 << 30)) >> 31))
#define NN_MAC(a, b, c, d)       NN_ROUNDED((int64_t)(a) * (b) + (int64_t)(c) * (d))
#define NN_MSC(a, b, c, d)       NN_ROUNDED((int64_t)(a) * (b) - (int64_t)(c) * (d))
#define NN_MUL(a, b)             NN_ROUNDED((int64_t)(a) * (b))
#define NN_SHARE(x, n)           NN_MUL(x, INT32_MAX / (n))
#define NN_MINUS(x)              ((int32_t)(0u - (uint32_t)(x)))
#define NN_HALF(x)               ((x) >> 1)
#define NN_HALF_SUM(a, b)        (NN_ADD(a, b) >> 1)
#define NN_HALF_DIFFERENCE(a, b) (NN_SUB(a, b) >> 1)
#define NN_SCALED(x, n)          (x)

#include "nn_fft_loops.h"
