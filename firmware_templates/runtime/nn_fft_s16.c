#define NN_T                     int16_t
#define NN_PARAMS                nn_fft_s16_params
#define NN_RFFT                  nn_rfft_s16
#define NN_IRFFT                 nn_irfft_s16
#define NN_ADD(a, b)             ((int16_t)((a) + (b)))
#define NN_SUB(a, b)             ((int16_t)((a) - (b)))
#define NN_ROUNDED(x)            ((int16_t)(((x) + (1 << 14)) >> 15))
#define NN_MAC(a, b, c, d)       NN_ROUNDED((a) * (b) + (c) * (d))
#define NN_MSC(a, b, c, d)       NN_ROUNDED((a) * (b) - (c) * (d))
#define NN_MUL(a, b)             NN_ROUNDED((a) * (b))
#define NN_SHARE(x, n)           NN_ROUNDED((x) * (INT16_MAX / (n)))
#define NN_MINUS(x)              ((int16_t) - (x))
#define NN_HALF(x)               ((int16_t)((x) >> 1))
#define NN_HALF_SUM(a, b)        ((int16_t)(((a) + (b)) >> 1))
#define NN_HALF_DIFFERENCE(a, b) ((int16_t)(((a) - (b)) >> 1))
#define NN_SCALED(x, n)          (x)

#include "nn_fft_loops.h"
