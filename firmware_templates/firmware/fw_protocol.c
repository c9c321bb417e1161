/*
 * The serial protocol of docs/protocol.md. One frame buffer: a request is COBS-decoded into it byte
 * by byte as it arrives, its reply is built in the same place and COBS-encoded while it is sent.
 */
#include "fw_protocol.h"

#include "fw_board.h"
#include "fw_markers.h"
#include "fw_model.h"

#include <string.h>

#define HEADER_BYTES 2 /* opcode, sequence */
#define CRC_BYTES    4
#define MAX_PAYLOAD  (HEADER_BYTES + FW_MAX_BODY + CRC_BYTES)
#define COBS_MAX_RUN 254

/* The payload starts at byte 2, so that the body is aligned for the stamps of PROFILE. */
static union {
    uint32_t words[(2 + MAX_PAYLOAD) / 4];
    uint8_t bytes[2 + MAX_PAYLOAD];
} fw_uart_frame __attribute__((section(".bss.fw_uart_frame")));

static uint8_t *const payload = &fw_uart_frame.bytes[2];
static uint8_t *const body = &fw_uart_frame.bytes[2 + HEADER_BYTES];

static struct {
    uint32_t received; /* bytes of the frame on the line so far */
    uint16_t length;   /* decoded bytes in payload */
    uint8_t left;      /* bytes until the next COBS code */
    uint8_t zero;      /* that code stands for a zero */
    uint8_t overflow;  /* longer than any valid frame */
} rx;

static int init_result;

/* Inferences of RUN since the model's state was as it is at first. */
static uint32_t inferences;

/* What a request made of its body: a reply of n bytes, or an error. */
struct outcome {
    uint32_t code;  /* enum fw_error */
    uint32_t value; /* n, or the error's detail */
};

static struct outcome reply_of(uint32_t n)
{
    return (struct outcome){FW_OK, n};
}

static struct outcome error_of(enum fw_error code, uint32_t detail)
{
    return (struct outcome){code, detail};
}

uint32_t fw_crc32(uint32_t crc, const void *data, size_t n)
{
    const uint8_t *p = data;

    crc = ~crc;
    while (n-- > 0) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}

static uint32_t get_u16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static uint32_t get_u32(const uint8_t *p)
{
    return get_u16(p) | get_u16(p + 2) << 16;
}

static uint8_t *put_u8(uint8_t *p, uint32_t value)
{
    *p++ = (uint8_t)value;
    return p;
}

static uint8_t *put_u16(uint8_t *p, uint32_t value)
{
    return put_u8(put_u8(p, value), value >> 8);
}

static uint8_t *put_u32(uint8_t *p, uint32_t value)
{
    return put_u16(put_u16(p, value), value >> 16);
}

static uint8_t *put_name(uint8_t *p, const char *name)
{
    for (int i = 0; i < FW_MAX_NAME && name[i] != '\0'; i++) {
        *p++ = (uint8_t)name[i];
    }
    return p;
}

/* Bytes of the reply that ends at p. */
static struct outcome reply_until(const uint8_t *p)
{
    return reply_of((uint32_t)(p - body));
}

static uint32_t n_tensors(void)
{
    return (uint32_t)fw_model.n_inputs + fw_model.n_outputs;
}

static struct outcome info_model(void)
{
    uint8_t *p = body;

    p = put_u16(p, FW_PROTOCOL_VERSION);
    p = put_u8(p, (uint32_t)fw_timer_unit());
    p = put_u8(p, (fw_started_by_fault() ? 1u : 0u) | (fw_model.reset != NULL ? 2u : 0u));
    p = put_u32(p, fw_clock_hz());
    p = put_u8(p, fw_model.n_inputs);
    p = put_u8(p, fw_model.n_outputs);
    p = put_u16(p, fw_model.n_layers);
    p = put_u32(p, fw_model.arena_bytes);
    p = put_u16(p, fw_model.n_selftests);
    memcpy(p, fw_model.sha256, sizeof fw_model.sha256);
    p += sizeof fw_model.sha256;
    return reply_until(put_name(p, fw_model.name));
}

static struct outcome info(void)
{
    const uint32_t item = body[0];

    if (item == 0) {
        return info_model();
    }
    if (item > n_tensors()) {
        return error_of(FW_ERROR_INDEX, item);
    }
    const struct fw_tensor *tensor = &fw_model.tensors[item - 1];
    uint8_t *p = body;
    uint32_t scale;

    memcpy(&scale, &tensor->scale, sizeof scale);
    p = put_u8(p, tensor->dtype);
    p = put_u8(p, tensor->rank);
    for (uint32_t i = 0; i < tensor->rank; i++) {
        p = put_u32(p, tensor->shape[i]);
    }
    p = put_u32(p, tensor->bytes);
    p = put_u32(p, scale);
    p = put_u32(p, (uint32_t)tensor->zero_point);
    return reply_until(put_name(p, tensor->name));
}

/* FW_OK when there is a tensor `index` and [offset, offset + n) lies in it. */
static struct outcome check_range(uint32_t index, uint32_t offset, uint32_t n)
{
    if (index >= n_tensors()) {
        return error_of(FW_ERROR_INDEX, index);
    }
    const uint32_t bytes = fw_model.tensors[index].bytes;

    if (n == 0 || n > FW_MAX_BODY || offset > bytes || n > bytes - offset) {
        return error_of(FW_ERROR_RANGE, bytes);
    }
    return reply_of(0);
}

static struct outcome write_tensor(uint32_t length)
{
    const uint32_t index = body[0];
    const uint32_t offset = get_u32(body + 1);
    const struct outcome checked = check_range(index, offset, length - 5);

    if (checked.code != FW_OK) {
        return checked;
    }
    if (index >= fw_model.n_inputs) {
        return error_of(FW_ERROR_NOT_ALLOWED, index);
    }
    memcpy((uint8_t *)fw_model.input((int)index) + offset, body + 5, length - 5);
    return reply_of(0);
}

static struct outcome read_tensor(void)
{
    const uint32_t index = body[0];
    const uint32_t offset = get_u32(body + 1);
    const uint32_t n = get_u16(body + 5);
    const struct outcome checked = check_range(index, offset, n);

    if (checked.code != FW_OK) {
        return checked;
    }
    const uint8_t *data = index < fw_model.n_inputs
                              ? fw_model.input((int)index)
                              : fw_model.output((int)(index - fw_model.n_inputs));
    memcpy(body, data + offset, n);
    return reply_of(n);
}

/* Ticks between two readings of the timer with nothing between them, to be subtracted. */
static uint32_t empty_ticks(void)
{
    const uint32_t start = fw_ticks();

    NN_MARK_NONE();
    NN_MARK_NONE();
    return fw_ticks() - start;
}

/* One inference. The error is FW_ERROR_INFERENCE; otherwise value holds its ticks. */
static struct outcome timed_run(void)
{
    const uint32_t empty = empty_ticks();
    const uint32_t start = fw_ticks();

    NN_MARK_BEGIN();
    const int result = fw_model.run();
    NN_MARK_END();
    const uint32_t ticks = fw_ticks() - start;

    if (result != 0) {
        return error_of(FW_ERROR_INFERENCE, (uint32_t)result);
    }
    return reply_of(ticks > empty ? ticks - empty : 0);
}

/* What lasts between inferences becomes what it is at first. */
static void fresh_state(void)
{
    if (fw_model.reset != NULL) {
        fw_model.reset();
    }
    inferences = 0;
}

/* Answer n inferences with their ticks: each from a fresh state, which is left behind, or the next
 * of the stream. */
static struct outcome bench(uint32_t n, int fresh)
{
    if (n == 0 || n > FW_MAX_BENCH) {
        return error_of(FW_ERROR_RANGE, FW_MAX_BENCH);
    }
    if (init_result != 0) {
        return error_of(FW_ERROR_INFERENCE, (uint32_t)init_result);
    }
    uint8_t *p = body;

    while (n-- > 0) {
        if (fresh) {
            fresh_state();
        }
        const struct outcome ran = timed_run();

        inferences++;
        if (fresh) {
            fresh_state();
        }
        if (ran.code != FW_OK) {
            return ran;
        }
        p = put_u32(p, ran.value);
    }
    return reply_until(p);
}

static struct outcome profile(void)
{
    const uint32_t first = get_u16(body);
    const uint32_t count = get_u16(body + 2);
    uint32_t *stamps = &fw_uart_frame.words[1]; /* the body */

    if (count == 0 || count > FW_MAX_PROFILE) {
        return error_of(FW_ERROR_RANGE, FW_MAX_PROFILE);
    }
    if (first + count > fw_model.n_layers) {
        return error_of(FW_ERROR_INDEX, first + count - 1);
    }
    if (fw_model.profile == NULL) {
        return error_of(FW_ERROR_NOT_ALLOWED, 0);
    }
    if (init_result != 0) {
        return error_of(FW_ERROR_INFERENCE, (uint32_t)init_result);
    }
    const uint32_t empty = empty_ticks();

    fresh_state();
    const uint32_t stamped = fw_model.profile(stamps, first, count);

    fresh_state();
    if (stamped != count) {
        return error_of(FW_ERROR_INFERENCE, 0);
    }
    uint8_t *p = body;

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t ticks = stamps[i + 1] - stamps[i]; /* read before put_u32 overwrites it */

        p = put_u32(p, ticks > empty ? ticks - empty : 0);
    }
    return reply_until(p);
}

#if defined(NN_TRACE)
static uint32_t crc_of(uint32_t crc, const void *data, uint32_t bytes)
{
    return fw_crc32(crc, data, bytes);
}

/* Up to the last of these layers, whose results stay in the arena for PEEK. */
static struct outcome trace(void)
{
    const uint32_t first = get_u16(body);
    const uint32_t count = get_u16(body + 2);
    uint32_t *crcs = &fw_uart_frame.words[1]; /* the body */

    if (count == 0 || count > FW_MAX_PROFILE) {
        return error_of(FW_ERROR_RANGE, FW_MAX_PROFILE);
    }
    if (first + count > fw_model.n_layers) {
        return error_of(FW_ERROR_INDEX, first + count - 1);
    }
    if (init_result != 0) {
        return error_of(FW_ERROR_INFERENCE, (uint32_t)init_result);
    }
    fresh_state();
    if (fw_model.trace(crcs, first, count, crc_of) != count) {
        return error_of(FW_ERROR_INFERENCE, 0);
    }
    uint8_t *p = body;

    for (uint32_t i = 0; i < count; i++) {
        const uint32_t crc = crcs[i]; /* read before put_u32 overwrites it */

        p = put_u32(p, crc);
    }
    return reply_until(p);
}

static struct outcome peek(void)
{
    const uint32_t offset = get_u32(body);
    const uint32_t n = get_u16(body + 4);

    if (n == 0 || n > FW_MAX_BODY || offset > fw_model.arena_bytes ||
        n > fw_model.arena_bytes - offset) {
        return error_of(FW_ERROR_RANGE, fw_model.arena_bytes);
    }
    memcpy(body, (const uint8_t *)fw_model.arena() + offset, n);
    return reply_of(n);
}
#endif

/* From `given`, all inputs in order, or where that is a null pointer from the seed. */
static void fill_inputs(uint32_t seed, const uint8_t *given)
{
    for (int index = 0; index < fw_model.n_inputs; index++) {
        uint8_t *p = fw_model.input(index);

        for (uint32_t i = 0; i < fw_model.tensors[index].bytes; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 17;
            seed ^= seed << 5;
            p[i] = given != NULL ? *given++ : (uint8_t)seed;
        }
    }
}

static struct outcome selftest(void)
{
    const uint32_t index = get_u16(body);
    uint32_t crc = 0;

    if (index >= fw_model.n_selftests) {
        return error_of(FW_ERROR_INDEX, index);
    }
    const struct fw_selftest *test = &fw_model.selftests[index];

    fill_inputs(test->seed, test->inputs);
    const struct outcome ran = bench(1, 1);

    if (ran.code != FW_OK) {
        return ran;
    }
    for (uint32_t i = 0; i < fw_model.n_outputs; i++) {
        crc = fw_crc32(crc, fw_model.output((int)i), fw_model.tensors[fw_model.n_inputs + i].bytes);
    }
    return reply_until(put_u32(put_u32(body, test->crc), crc));
}

static struct outcome state(void)
{
    if (body[0] > 1) {
        return error_of(FW_ERROR_RANGE, 1);
    }
    if (body[0] == 1) {
        fresh_state();
    }
    return reply_until(put_u32(body, inferences));
}

#if defined(NN_TRACE)
#define LAST_REQUEST FW_PEEK
#else
#define LAST_REQUEST FW_STATE
#endif

/* Body length of a request, for the ones that have only one. */
static int request_bytes(uint32_t opcode)
{
    static const uint8_t bytes[] = {
        [FW_INFO] = 1,    [FW_RUN] = 0,      [FW_READ] = 7,  [FW_BENCH] = 2,
        [FW_PROFILE] = 4, [FW_SELFTEST] = 2, [FW_STACK] = 0, [FW_RESET] = 0,
        [FW_STATE] = 1,   [FW_TRACE] = 4,    [FW_PEEK] = 6,
    };
    return bytes[opcode];
}

static struct outcome serve(uint32_t opcode, uint32_t length)
{
    if (opcode < FW_INFO || opcode > LAST_REQUEST) {
        return error_of(FW_ERROR_OPCODE, opcode);
    }
    if (opcode == FW_WRITE ? length < 6 : length != (uint32_t)request_bytes(opcode)) {
        return error_of(FW_ERROR_LENGTH, length);
    }
    switch (opcode) {
    case FW_INFO:
        return info();
    case FW_WRITE:
        return write_tensor(length);
    case FW_RUN:
        return bench(1, 0);
    case FW_READ:
        return read_tensor();
    case FW_BENCH:
        return bench(get_u16(body), 1);
    case FW_PROFILE:
        return profile();
    case FW_SELFTEST:
        return selftest();
    case FW_STACK:
        return reply_until(put_u32(put_u32(body, fw_stack_used()), fw_stack_reserved()));
    case FW_STATE:
        return state();
#if defined(NN_TRACE)
    case FW_TRACE:
        return trace();
    case FW_PEEK:
        return peek();
#endif
    default: /* FW_RESET */
        return reply_of(0);
    }
}

/* Send payload[0 .. length) and its CRC as one frame. */
static void send_frame(uint32_t length)
{
    uint32_t i = 0;
    int more = 1;

    put_u32(payload + length, fw_crc32(0, payload, length));
    length += CRC_BYTES;
    while (more) {
        uint32_t run = 0;

        while (i + run < length && run < COBS_MAX_RUN && payload[i + run] != 0) {
            run++;
        }
        fw_putc((uint8_t)(run + 1));
        for (uint32_t end = i + run; i < end; i++) {
            fw_putc(payload[i]);
        }
        more = i < length;
        if (more && run < COBS_MAX_RUN) {
            i++; /* the zero that the next code stands for */
        }
    }
    fw_putc(0);
    fw_flush();
}

static void send_outcome(uint32_t opcode, uint32_t sequence, struct outcome outcome)
{
    if (outcome.code == FW_OK) {
        payload[0] = (uint8_t)(opcode + FW_REPLY);
    } else {
        payload[0] = FW_ERROR;
        put_u32(put_u8(body, outcome.code), outcome.value);
        outcome.value = 5;
    }
    payload[1] = (uint8_t)sequence;
    send_frame(HEADER_BYTES + outcome.value);
}

static void end_of_frame(void)
{
    const uint32_t opcode = payload[0];
    const uint32_t sequence = payload[1];
    const uint32_t checked = (uint32_t)rx.length - CRC_BYTES;

    if (rx.left != 0 || rx.overflow || rx.length < HEADER_BYTES + CRC_BYTES ||
        get_u32(payload + checked) != fw_crc32(0, payload, checked)) {
        send_outcome(0, 0, error_of(FW_ERROR_DAMAGED, rx.received));
        return;
    }
    const struct outcome outcome = serve(opcode, checked - HEADER_BYTES);

    send_outcome(opcode, sequence, outcome);
    if (opcode == FW_RESET && outcome.code == FW_OK) {
        fw_reset();
    }
}

static void store(uint8_t byte)
{
    if (rx.length < MAX_PAYLOAD) {
        payload[rx.length++] = byte;
    } else {
        rx.overflow = 1;
    }
}

void fw_protocol_init(void)
{
    init_result = fw_model.init();
}

void fw_protocol_poll(void)
{
    const int byte = fw_getc();

    if (byte < 0) {
        return;
    }
    if (byte == 0) {
        if (rx.received != 0) { /* else an empty frame */
            end_of_frame();
        }
        memset(&rx, 0, sizeof rx);
        return;
    }
    rx.received++;
    if (rx.left != 0) {
        rx.left--;
        store((uint8_t)byte);
        return;
    }
    if (rx.zero) {
        store(0);
    }
    rx.left = (uint8_t)(byte - 1);
    rx.zero = byte <= COBS_MAX_RUN;
}
