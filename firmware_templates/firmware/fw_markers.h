/*
 * Opcodes that mark an inference for an emulator that counts instructions between them. They are
 * unallocated 16-bit hints: one instruction that does nothing on a Thumb core. `.inst.n` because
 * the assembler has no name for them.
 */
#ifndef FW_MARKERS_H
#define FW_MARKERS_H

#if defined(__thumb__)
#define NN_MARK_BEGIN() __asm volatile(".inst.n 0xbf70" ::: "memory")
#define NN_MARK_END()   __asm volatile(".inst.n 0xbf80" ::: "memory")
#define NN_MARK_NONE()  __asm volatile("nop.n" ::: "memory")
#else
#define NN_MARK_BEGIN() ((void)0)
#define NN_MARK_END()   ((void)0)
#define NN_MARK_NONE()  ((void)0)
#endif

#endif
