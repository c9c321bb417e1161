"""However a program with a virtual board ends, no emulator is left behind and the board is free again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from board_kit import TARGET, URL, choice, dies, firmware, is_alive, state_file

from toolchain.flashers import flash
from toolchain.ports import open_port
from toolchain.virtual import guard


@pytest.fixture(autouse=True, scope="module")
def _flashed() -> None:
    flash(firmware(), TARGET, choice())


HOLDER = f"""
import sys, time
from toolchain.ports import open_port
port = open_port({URL!r}, timeout=20)
assert port.read(1) == b">"
print(port.board.emulator_pid, flush=True)
sys.stdin.readline()
"""
WAIT = "time.sleep(60)\n"
FROM_A_SHORT_THREAD = f"""
import sys, threading, time
from toolchain.ports import open_port
ports = []
thread = threading.Thread(target=lambda: ports.append(open_port({URL!r}, timeout=20)))
thread.start(); thread.join(); time.sleep(0.5)
port = ports[0]
assert port.read(1) == b">"
port.write(b"alive")
assert port.read(5) == b"alive"
print(port.board.emulator_pid, flush=True)
sys.stdin.readline()
"""
SAYS_WHO_INTERRUPTED = """
try:
    print("waiting", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", port.board.state, flush=True)
    port.close()
    raise SystemExit(2)
"""


def holder(code: str) -> tuple[subprocess.Popen[str], int]:
    """A process that holds the board, and its emulator; it goes on when the emulator has been seen."""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert b"qemu-system-arm" in Path(f"/proc/{pid}/cmdline").read_bytes()
    process.stdin.write("\n")
    process.stdin.flush()
    return process, pid


def finish(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=20)
    return out


def test_kill_9_takes_the_emulator_along() -> None:
    process, pid = holder(HOLDER + WAIT)
    process.kill()
    finish(process)
    assert dies(pid)
    open_port(URL).close()  # and the lock is free


def test_terminated() -> None:
    process, pid = holder(HOLDER + WAIT)
    process.terminate()
    finish(process)
    assert dies(pid)


def test_ctrl_c_reaches_the_program_before_the_emulator() -> None:
    """A terminal sends SIGINT to the whole foreground process group."""
    process, pid = holder(HOLDER + SAYS_WHO_INTERRUPTED)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process) == "interrupted running\n"
    assert process.returncode == 2
    assert dies(pid)


@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)\n", "1 / 0\n", "import os; os._exit(4)\n"])
def test_a_port_never_closed(ending: str) -> None:
    process, pid = holder(HOLDER + ending)
    finish(process)
    assert dies(pid)


def test_the_opening_thread_may_end() -> None:
    process, pid = holder(FROM_A_SHORT_THREAD + WAIT)
    assert is_alive(pid)
    process.kill()
    finish(process)
    assert dies(pid)


def test_close_leaves_nothing() -> None:
    for _ in range(3):
        port = open_port(URL)
        pid = port.board.emulator_pid
        port.close()
        assert not is_alive(pid)


def test_after_a_fork_the_child_can_open_its_own(tmp_path: Path) -> None:
    code = f"""
import os, sys
from toolchain.ports import open_port
open_port({URL!r}).close()
child = os.fork()
if child == 0:
    with open_port({URL!r}, timeout=20) as port:
        os._exit(0 if port.read(1) == b">" else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, timeout=30)


@pytest.mark.parametrize("mode", ["prctl", "watch"])
def test_guard(mode: str) -> None:
    """Both ways of dying with the parent; the second is for systems other than Linux."""
    code = f"""
import os, subprocess, sys
guarded = [sys.executable, "-I", "-S", {guard.__file__!r}, {mode!r}, str(os.getpid()), "sleep", "61"]
subprocess.Popen(guarded, stdin=subprocess.PIPE)
sys.stdin.read()
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    sleeper = wait_for(lambda: descendant(process.pid, b"sleep\x0061"))
    process.kill()
    process.wait()
    assert dies(sleeper)


def wait_for(found: Callable[[], int | None], seconds: float = 10.0) -> int:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (value := found()) is not None:
            return value
        time.sleep(0.02)
    raise AssertionError("nothing appeared")


def descendant(pid: int, command: bytes) -> int | None:
    """The process below ``pid`` whose command line starts so."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if Path(f"/proc/{child}/cmdline").read_bytes().startswith(command):
            return int(child)
        if (below := descendant(int(child), command)) is not None:
            return below
    return None


def test_flash_survives_the_process() -> None:
    before = state_file().read_bytes()
    process, pid = holder(HOLDER)
    finish(process)
    assert dies(pid)
    assert state_file().read_bytes() == before
