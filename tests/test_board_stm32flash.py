"""An independent AN3155 client, stm32flash, against the virtual board's boot loader, over a pseudo terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import subprocess
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from board_kit import URL, firmware, state_file

from toolchain.ports import open_port

pytestmark = pytest.mark.skipif(
    shutil.which("stm32flash") is None, reason="stm32flash is not installed: sudo apt install stm32flash"
)


@contextmanager
def terminal() -> Iterator[str]:
    """A pseudo terminal with the virtual board, in its boot loader, behind it."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with open_port(URL, parity="E", timeout=0.02, dtr=True, rts=False) as port:
        port.dtr = False
        stop = threading.Event()

        def to_board() -> None:
            with contextlib.suppress(OSError):
                while data := os.read(ours, 4096):
                    port.write(data)

        def to_host() -> None:
            while not stop.is_set():
                if data := port.read(port.in_waiting or 1):
                    os.write(ours, data)

        threading.Thread(target=to_board, daemon=True).start()
        sender = threading.Thread(target=to_host)
        sender.start()
        try:
            yield os.ttyname(theirs)
        finally:
            stop.set()
            sender.join()
            os.close(theirs)
    os.close(ours)


def stm32flash(*arguments: str) -> str:
    with terminal() as name:
        run = subprocess.run(
            ["stm32flash", "-m", "8n1", *arguments, name], capture_output=True, text=True, timeout=60, check=False
        )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_identifies_the_chip() -> None:
    out = stm32flash()
    assert "Version      : 0x31" in out
    assert "0x0413 (STM32F40xxx/41xxx)" in out


def test_writes_verifies_and_reads_back(tmp_path: Path) -> None:
    image = firmware().data
    binary, back = tmp_path / "image.bin", tmp_path / "back.bin"
    binary.write_bytes(image)
    out = stm32flash("-w", str(binary), "-v")
    assert "Wrote and verified" in out
    assert state_file().read_bytes()[: len(image)] == image
    stm32flash("-r", str(back), "-S", f"0x08000000:{len(image)}")
    assert back.read_bytes() == image
    stm32flash("-o")
    assert set(state_file().read_bytes()) == {0xFF}
