/* The serial protocol of docs/protocol.md, over the byte functions of fw_board.h. */
#ifndef FW_PROTOCOL_H
#define FW_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#define FW_PROTOCOL_VERSION 1
#define FW_MAX_BODY         512
#define FW_MAX_BENCH        128
#define FW_MAX_PROFILE      127
#define FW_MAX_NAME         64

enum fw_opcode {
    FW_INFO = 0x01,
    FW_WRITE = 0x02,
    FW_RUN = 0x03,
    FW_READ = 0x04,
    FW_BENCH = 0x05,
    FW_PROFILE = 0x06,
    FW_SELFTEST = 0x07,
    FW_STACK = 0x08,
    FW_RESET = 0x09,
    FW_STATE = 0x0A,
    FW_TRACE = 0x0B, /* these two in firmware that is built with NN_TRACE */
    FW_PEEK = 0x0C,
    FW_REPLY = 0x80,
    FW_ERROR = 0xFF
};

enum fw_error {
    FW_OK = 0,
    FW_ERROR_DAMAGED = 1,
    FW_ERROR_OPCODE = 2,
    FW_ERROR_LENGTH = 3,
    FW_ERROR_INDEX = 4,
    FW_ERROR_RANGE = 5,
    FW_ERROR_NOT_ALLOWED = 6,
    FW_ERROR_INFERENCE = 7
};

/* Initialise the model. Call once, after fw_board_init(). */
void fw_protocol_init(void);

/* Take one byte from the line if one is there; answer when it ends a frame. */
void fw_protocol_poll(void);

/* CRC-32 (IEEE 802.3) of n more bytes; start with crc = 0. */
uint32_t fw_crc32(uint32_t crc, const void *data, size_t n);

#endif
