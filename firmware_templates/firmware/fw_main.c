/* The serial firmware: serve requests for ever. */
#include "fw_board.h"
#include "fw_protocol.h"

/* The clock that generated code reads when it profiles its layers. */
uint32_t nn_ticks(void);

uint32_t nn_ticks(void)
{
    return fw_ticks();
}

int main(void)
{
    fw_board_init();
    fw_protocol_init();
    for (;;) {
        fw_protocol_poll();
    }
}
