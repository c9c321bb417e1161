"""QEMU on the flashed bytes, its first UART through a socket pair. No emulator outlives the process that started it."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import ToolError
from toolchain.install import install_hint
from toolchain.target import Target

_GUARD = Path(__file__).with_name("guard.py")
_GUARD_MODE = "prctl" if sys.platform == "linux" else "watch"


@dataclass(frozen=True)
class Launch:
    """What to run. ``flash`` is a file of the whole flash, loaded at ``origin``; ``options`` go with the machine.

    ``counting`` makes one instruction one nanosecond of guest time. ``plugin`` writes its records to ``records``.
    QEMU's own messages go to ``log``.
    """

    machine: str
    flash: Path
    origin: int
    log: Path
    options: tuple[str, ...] = ()
    counting: bool = False
    plugin: Path | None = None
    records: Path | None = None


def find_qemu(target: Target) -> str:
    """Path of the emulator. Raises ToolError with the line that installs it."""
    assert target.emulator is not None
    program = target.emulator.program
    found = shutil.which(program)
    if found is None:
        raise ToolError(f"the emulator {program} is not installed", install_hint(target.emulator.packages))
    return found


def command_line(qemu: str, launch: Launch, uart: int) -> list[str]:
    """The whole command; ``uart`` is the file descriptor of QEMU's end of the socket pair."""
    command = [
        *(qemu, "-M", launch.machine, "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none"),
        *launch.options,
        *("-accel", "tcg,thread=single"),
        *("-device", f"loader,file={_escape(launch.flash)},addr={launch.origin:#x},force-raw=on"),
        *("-chardev", f"socket,id=uart,fd={uart}", "-serial", "chardev:uart"),
    ]
    if launch.counting:
        command += ["-icount", "shift=0,sleep=off"]
        if launch.plugin is not None:
            command += ["-plugin", f"{_escape(launch.plugin)},out={_escape(launch.records)}"]
    return command


def _escape(path: Path | None) -> str:
    # QEMU's option syntax: a comma within a value is written twice.
    return str(path).replace(",", ",,")


# The kernel's parent-death signal fires when the *thread* that forked ends. This one lives as long as the interpreter.
_launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mcuforge-emulators")


def _new_launcher() -> None:
    global _launcher
    _launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mcuforge-emulators")


if hasattr(os, "register_at_fork"):  # a forked child has none of its parent's threads
    os.register_at_fork(after_in_child=_new_launcher)


class Emulator:
    """One run of QEMU, from reset until ``stop``.

    ``output`` gets what the guest's UART sends and ``ended`` QEMU's exit, both called from a thread of this object.
    """

    def __init__(
        self, qemu: str, launch: Launch, output: Callable[[bytes], None], ended: Callable[[Emulator], None]
    ) -> None:
        self._output, self._ended = output, ended
        self._stopping = False
        self._gate = threading.Lock()
        self._log = launch.log
        self._uart, theirs = socket.socketpair()
        with theirs, launch.log.open("wb") as log:
            self.process = self._start(command_line(qemu, launch, theirs.fileno()), theirs.fileno(), log.fileno())
        threading.Thread(target=self._pump, daemon=True, name="mcuforge-uart").start()

    def _start(self, command: list[str], uart: int, log: int) -> subprocess.Popen[bytes]:
        guarded = [sys.executable, "-I", "-S", str(_GUARD), _GUARD_MODE, str(os.getpid()), *command]

        def start() -> subprocess.Popen[bytes]:
            # A session of its own: Ctrl-C in the terminal is for us to handle, and we stop the emulator.
            return subprocess.Popen(
                guarded,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=(uart,),
                start_new_session=True,
            )

        future = _launcher.submit(start)
        try:
            return future.result()
        except BaseException:
            future.add_done_callback(_abandon)
            self._uart.close()
            raise

    def _pump(self) -> None:
        with contextlib.suppress(OSError):  # the socket is closed under us, or QEMU died with bytes unread
            while data := self._uart.recv(65536):
                with self._gate:
                    if self._stopping:
                        return
                    self._output(data)
        if not self._stopping:
            self.process.wait()
            self._ended(self)

    def write(self, data: bytes, timeout: float | None) -> bool:
        """Bytes for the guest's UART. False when they were not taken within ``timeout`` seconds (None: no limit).

        Bytes for an emulator that has ended are lost, as on a line nobody listens to.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        rest = memoryview(data)
        # Not settimeout(): it would hold for the reading thread as well.
        with contextlib.suppress(OSError, ValueError):
            while rest:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                if not select.select([], [self._uart], [], left)[1]:
                    return False
                with contextlib.suppress(BlockingIOError):
                    rest = rest[self._uart.send(rest, socket.MSG_DONTWAIT) :]
        return True

    def messages(self) -> str:
        """What QEMU printed, at most its last 2000 characters."""
        try:
            return self._log.read_text(errors="replace").strip()[-2000:]
        except OSError:
            return ""

    def stop(self) -> None:
        """Kill it and wait until it is gone; ``output`` is not called after that. May be called again."""
        with self._gate:
            self._stopping = True
        _kill(self.process)
        with contextlib.suppress(OSError):
            self._uart.shutdown(socket.SHUT_RDWR)
        self._uart.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
    if _GUARD_MODE == "prctl":
        process.kill()
    process.wait()


def _abandon(future: Future[subprocess.Popen[bytes]]) -> None:
    if not future.cancelled() and future.exception() is None:
        _kill(future.result())
