/*
 * What a board implements for the serial firmware: board_<family>.c, and startup_<core>.c for the
 * stack and the reset code. Every wait has a bound but the one for a request, in fw_getc.
 */
#ifndef FW_BOARD_H
#define FW_BOARD_H

#include <stdint.h>

enum fw_timer_unit { FW_TIMER_CORE_CYCLES = 0, FW_TIMER_TICKS = 1, FW_TIMER_NANOSECONDS = 2 };

/* Clock, serial line and timer. Called once, before anything else of this header. */
void fw_board_init(void);

/* The core clock in Hz as it really runs; 0 when there is none to speak of. */
uint32_t fw_clock_hz(void);

/* A free-running 32-bit counter that wraps around, and its unit. */
uint32_t fw_ticks(void);
enum fw_timer_unit fw_timer_unit(void);

/* One received byte, or -1 when none has arrived. May sleep until the line stirs. */
int fw_getc(void);

/* Send one byte. A line that takes no byte for long loses it. */
void fw_putc(uint8_t byte);

/* Returns when what was sent has left the board, within a bound. */
void fw_flush(void);

/* Highest stack use so far and what is reserved, in bytes; both 0 where that cannot be known. */
uint32_t fw_stack_used(void);
uint32_t fw_stack_reserved(void);

/* 1 when a CPU fault caused the last restart. */
int fw_started_by_fault(void);

/* Restart the firmware. Does not return. */
void fw_reset(void);

#endif
