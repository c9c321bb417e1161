#include "nn_float.h"

#define NN_T                     float
#define NN_PARAMS                nn_fft_f32_params
#define NN_RFFT                  nn_rfft_f32
#define NN_IRFFT                 nn_irfft_f32
#define NN_ADD(a, b)             ((a) + (b))
#define NN_SUB(a, b)             ((a) - (b))
#define NN_MAC(a, b, c, d)       ((a) * (b) + (c) * (d))
#define NN_MSC(a, b, c, d)       ((a) * (b) - (c) * (d))
#define NN_MUL(a, b)             ((a) * (b))
#define NN_SHARE(x, n)           ((void)(n), (x))
#define NN_MINUS(x)              (-(x))
#define NN_HALF(x)               ((x)*0.5f)
#define NN_HALF_SUM(a, b)        (((a) + (b)) * 0.5f)
#define NN_HALF_DIFFERENCE(a, b) (((a) - (b)) * 0.5f)
#define NN_SCALED(x, n)          ((x) / (float)(n))

#include "nn_fft_loops.h"
