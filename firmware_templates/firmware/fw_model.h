/*
 * What the serial firmware knows of a model. fw_model.c, generated for each model, defines
 * fw_model. Everything here is constant and stays in flash.
 */
#ifndef FW_MODEL_H
#define FW_MODEL_H

#include <stdint.h>

#define FW_MAX_RANK 6

enum fw_dtype {
    FW_INT8 = 0,
    FW_INT16 = 1,
    FW_INT32 = 2,
    FW_FLOAT32 = 3,
    FW_UINT8 = 4,
    FW_BOOL = 5,
    FW_UINT32 = 6,
    FW_UINT64 = 7
};

struct fw_tensor {
    const char *name; /* UTF-8 */
    uint32_t bytes;
    float scale; /* 0 when the tensor is not quantized */
    int32_t zero_point;
    uint8_t dtype; /* enum fw_dtype */
    uint8_t rank;
    uint32_t shape[FW_MAX_RANK];
};

/*
 * Inputs are the bytes of `inputs`, all inputs in order, or, where that is a null pointer, come
 * from xorshift32(seed), the lowest byte of each step; that seed is not 0. crc is the CRC-32 of all
 * output bytes in order.
 */
struct fw_selftest {
    uint32_t seed;
    uint32_t crc;
    const uint8_t *inputs;
};

struct fw_model {
    const char *name;   /* UTF-8 */
    uint8_t sha256[32]; /* of the quantized model */
    uint8_t n_inputs;
    uint8_t n_outputs;
    uint16_t n_layers; /* kernel calls of one inference, in order */
    uint32_t arena_bytes;
    const struct fw_tensor *tensors; /* the inputs, then the outputs */
    const struct fw_selftest *selftests;
    uint32_t n_selftests;
    int (*init)(void);         /* 0 or an error code, as run */
    void *(*input)(int index); /* where input `index` lies in the arena */
    const void *(*output)(int index);
    int (*run)(void); /* one inference; may overwrite the inputs */
    /* The state between inferences as it is at first; a null pointer where there is none. */
    void (*reset)(void);
    /*
     * One inference that stores nn_ticks() into stamps[0] before layer `first` and into
     * stamps[k + 1] after layer first + k, for at most `count` layers; returns the number of layers
     * stamped. A null pointer in firmware that was built without NN_PROFILE.
     */
    uint32_t (*profile)(uint32_t *stamps, uint32_t first, uint32_t count);
#if defined(NN_TRACE)
    const void *(*arena)(void);
    /*
     * The layers up to first + count - 1 of one inference, and crc() of what each of the last
     * `count` of them wrote into crcs; returns how many these are.
     */
    uint32_t (*trace)(uint32_t *crcs, uint32_t first, uint32_t count,
                      uint32_t (*crc)(uint32_t crc, const void *data, uint32_t bytes));
#endif
};

extern const struct fw_model fw_model;

#endif
