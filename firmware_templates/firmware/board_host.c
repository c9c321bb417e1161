/*
 * A process of this computer as the board: the serial line is stdin and stdout, the timer the
 * monotonic clock. It ends with its input, and with the process that started it.
 */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE /* setitimer; macOS shows it without */

#include "fw_board.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static pid_t parent;

/* An inference under way does not look at its input: look at the parent every second. */
static void check_parent(int signal_number)
{
    (void)signal_number;
    if (getppid() != parent) {
        _exit(0);
    }
}

void fw_board_init(void)
{
    const struct itimerval second = {{1, 0}, {1, 0}};
    struct sigaction action = {0};

    parent = getppid();
    action.sa_handler = check_parent;
    action.sa_flags = SA_RESTART;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &second, NULL);
}

uint32_t fw_clock_hz(void)
{
    return 0;
}

uint32_t fw_ticks(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec * 1000000000u + (uint32_t)now.tv_nsec;
}

enum fw_timer_unit fw_timer_unit(void)
{
    return FW_TIMER_NANOSECONDS;
}

int fw_getc(void)
{
    const int byte = getchar();

    if (byte == EOF) {
        exit(0);
    }
    return byte;
}

void fw_putc(uint8_t byte)
{
    putchar(byte);
}

void fw_flush(void)
{
    fflush(stdout);
}

uint32_t fw_stack_used(void)
{
    return 0;
}

uint32_t fw_stack_reserved(void)
{
    return 0;
}

int fw_started_by_fault(void)
{
    return 0;
}

/* Start this executable anew, so that all its memory is as after the first start. */
void fw_reset(void)
{
#if defined(__linux__)
    const struct itimerval off = {{0, 0}, {0, 0}};

    setitimer(ITIMER_REAL, &off, NULL); /* it would outlive its handler */
    execl("/proc/self/exe", "firmware", (char *)NULL);
#endif
    exit(0);
}
