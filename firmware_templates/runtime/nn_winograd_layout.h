/*
 * Sizes in bytes that the Winograd kernels in C and in assembly share; see nn_winograd.h.
 */
#ifndef NN_WINOGRAD_LAYOUT_H
#define NN_WINOGRAD_LAYOUT_H

#define NN_WINOGRAD_POSITIONS 36
#define NN_WINOGRAD_V_PAIR    288  /* two tiles of v, for a pair of channels */
#define NN_WINOGRAD_U_PAIR    576  /* four output channels of u, for a pair of channels */
#define NN_WINOGRAD_M         1152 /* two tiles and four output channels of m */
#define NN_WINOGRAD_INVERSE_9 954437177

#endif
