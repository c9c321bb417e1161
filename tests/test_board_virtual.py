"""The virtual board as a serial port: application, counting, lines, locks, and that no emulator is ever left behind."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import serial
from board_kit import TARGET, URL, choice, dies, firmware

from toolchain.errors import BoardError, ToolError
from toolchain.flashers import flash
from toolchain.ports import find_port, open_port, port_errors, register


@pytest.fixture(autouse=True, scope="module")
def _flashed() -> None:
    flash(firmware(), TARGET, choice())


def test_echo() -> None:
    with open_port(URL, timeout=10) as port:
        assert port.read(1) == b">"
        for size in (1, 10, 1000):
            data = b"0123456789" * (size // 10 + 1)
            port.write(data)
            assert port.read(len(data)) == data
        assert port.in_waiting == 0


def test_timeouts_and_buffers() -> None:
    with open_port(URL, timeout=10) as port:
        assert port.read(1) == b">"
        port.timeout = 0.1
        begin = time.monotonic()
        assert port.read(5) == b""
        assert 0.09 < time.monotonic() - begin < 1
        port.timeout = 0
        assert port.read(5) == b""
        port.timeout = 10
        port.write(b"abc")
        assert port.read(1) == b"a"
        while port.in_waiting < 2:
            time.sleep(0.01)
        port.reset_input_buffer()
        assert port.in_waiting == 0
    with pytest.raises(serial.PortNotOpenError):
        port.read(1)


def test_a_guest_that_does_not_read_ends_in_a_write_timeout() -> None:
    with open_port(URL, timeout=10, write_timeout=0.2) as port:
        assert port.read(1) == b">"
        port.write(b"D")
        with pytest.raises(serial.SerialTimeoutException):
            port.write(b"x" * (1 << 20))
        with pytest.raises(BoardError, match="takes no more bytes"), port_errors(URL):
            port.write(b"x" * (1 << 20))


def test_lines_reset_into_application_and_loader() -> None:
    with open_port(URL, timeout=10) as port:
        assert port.read(1) == b">"
        port.dtr = True
        assert port.board.state == "held in reset"
        assert port.board.emulator_pid is None
        port.dtr = False
        assert port.read(1) == b">"
        port.rts = False
        port.write(b"a")
        assert port.read(1) == b"a"  # BOOT0 is sampled on leaving reset only
        port.dtr = True
        port.dtr = False
        port.parity = "E"
        port.write(b"\x7f")
        assert port.read(1) == b"\x79"
        port.rts = True
        port.dtr = True
        port.dtr = False
        assert port.read(1) == b">"


def test_the_loader_hears_even_parity_only() -> None:
    with open_port(URL, timeout=0.1, dtr=True, rts=False) as port:
        port.dtr = False
        port.write(b"\x7f")
        assert port.read(1) == b""


def test_pyserial_alone_finds_it_held_in_reset() -> None:
    register()
    with serial.serial_for_url(URL) as port:
        assert port.board.state == "held in reset"


def test_the_application_may_reset_itself() -> None:
    with open_port(URL, timeout=10) as port:
        assert port.read(1) == b">"
        port.write(b"X")
        assert port.read(1) == b">"


def test_a_locked_up_application_is_silent_and_explained() -> None:
    with open_port(URL, timeout=10) as port:
        assert port.read(1) == b">"
        pid = port.board.emulator_pid
        port.write(b"F")
        port.timeout = 0.5
        deadline = time.monotonic() + 10
        while not port.silence() and time.monotonic() < deadline:
            assert port.read(1) == b""
        assert "locked up" in port.silence().lower()
        assert dies(pid)
        port.write(b"anybody there")
        port.dtr = True
        port.dtr = False
        port.timeout = 10
        assert port.read(1) == b">"


def test_busy_in_this_process_and_from_another() -> None:
    with open_port(URL):
        with pytest.raises(BoardError, match="busy"):
            open_port(URL)
        code = f"from toolchain.ports import open_port; open_port({URL!r})"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert other.returncode != 0
        assert "is busy" in other.stderr
    open_port(URL).close()


def test_missing_emulator_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="qemu-system-arm") as error:
        open_port(URL)
    assert "sudo apt-get install qemu-system-arm" in error.value.hint


def test_unwritable_state_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MCUFORGE_STATE", str(tmp_path / "file"))
    with pytest.raises(BoardError, match="cannot use") as error:
        open_port(URL)
    assert "MCUFORGE_STATE" in error.value.hint


# ---- counting ----------------------------------------------------------------------------------------------------


def count(commands: bytes) -> list[tuple[int, int, tuple[tuple[int, int], ...]]]:
    with open_port(f"{URL}?count=1", timeout=20) as port:
        assert port.board.no_cycles == ""
        assert port.read(1) == b">"
        for byte in commands:
            port.write(bytes([byte]))
            assert port.read(1) == bytes([byte])
        return [(r.instructions, r.cycles, r.segments) for r in port.board.regions()]


def test_counting_is_exact_and_repeatable() -> None:
    first = count(b"RMRRM")
    assert len(first) == 5
    assert first[0] == first[2] == first[3]
    assert first == count(b"RMRRM")


def test_regions_since_clear_and_since_reset() -> None:
    with open_port(f"{URL}?count=1", timeout=20) as port:
        port.read(1)
        assert port.board.regions() == []
        port.write(b"R")
        port.read(1)
        assert len(port.board.regions()) == 1
        port.board.clear()
        assert port.board.regions() == []
        port.write(b"MR")
        port.read(2)
        assert [len(r.segments) for r in port.board.regions()] == [2, 3]
        port.dtr = True
        port.dtr = False
        assert port.read(1) == b">"
        assert port.board.regions() == []


def test_without_counting_there_are_no_regions() -> None:
    with open_port(URL, timeout=10) as port:
        port.read(1)
        port.write(b"R")
        port.read(1)
        assert port.board.regions() == []
        assert "counting mode" in port.board.no_cycles


def test_one_tick_of_the_firmwares_timer_is_one_instruction() -> None:
    """Ticks around a region exceed its instructions by the call, the markers and reading the timer, always alike."""

    def ticks(port: serial.SerialBase) -> int:
        port.write(b"T")
        answer = port.read(5)
        assert answer[4:] == b"T"
        return int.from_bytes(answer[:4], "little")

    with open_port(f"{URL}?count=1", timeout=20) as port:
        port.read(1)
        found = {ticks(port) for _ in range(20)}
        assert len(found) == 1
        instructions = {r.instructions for r in port.board.regions()}
        assert len(instructions) == 1
        assert 4 <= found.pop() - instructions.pop() <= 16


def test_counting_without_a_host_compiler_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from toolchain.virtual import plugin

    tools = tmp_path / "bin"
    tools.mkdir()
    qemu = subprocess.run(["which", "qemu-system-arm"], capture_output=True, text=True, check=True).stdout.strip()
    (tools / "qemu-system-arm").symlink_to(qemu)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setattr(plugin, "prepare", plugin.prepare.__wrapped__)
    with open_port(f"{URL}?count=1", timeout=20) as port:
        assert port.read(1) == b">"
        assert "no host compiler" in port.board.no_cycles
        port.write(b"R")
        assert port.read(1) == b"R"
        assert port.board.regions() == []


def test_another_machine_is_data() -> None:
    """A board with a Cortex-M3 whose flash, RAM and UART lie where the F405's do."""
    assert TARGET.emulator is not None
    emulator = TARGET.emulator.model_copy(update={"board": "stm32f205", "machine": "netduino2"})
    other = TARGET.model_copy(update={"emulator": emulator})
    found = find_port(other, "virtual://stm32f205")
    flash(firmware(), other, found)
    with open_port(found.url, timeout=10) as port, open_port(URL, timeout=10) as first:
        assert port.read(1) == first.read(1) == b">"
