"""Runs a command that dies when the process that asked for it dies, however that ends (SIGKILL included).

Started as ``python -I -S guard.py MODE PARENT COMMAND…`` rather than as a ``preexec_fn``: running Python between fork
and exec can deadlock a process that has threads. MODE ``prctl`` (Linux) asks the kernel, and then becomes COMMAND;
``watch`` (elsewhere) stays and kills COMMAND when standard input ends. It imports nothing of mcuforge.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1


def _become(parent: int, command: list[str]) -> None:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL)) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    # The parent may have died before the call above; then nobody will ever send the signal.
    if os.getppid() == parent:
        os.execvp(command[0], command)


def _watch(command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)

    def kill_at_end_of_input() -> None:
        while os.read(0, 4096):
            pass
        child.kill()

    threading.Thread(target=kill_at_end_of_input, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    if sys.argv[1] == "prctl":
        _become(int(sys.argv[2]), sys.argv[3:])
    else:
        sys.exit(_watch(sys.argv[3:]))
