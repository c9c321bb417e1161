"""The flashers that are other people's programs: gdb against QEMU's server, the probes' programs by their arguments."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from board_kit import TARGET, choice, firmware

from toolchain.errors import BoardError, TargetError, ToolError
from toolchain.flashers import FlashImage, choose, flash, gdb, openocd, pyocd
from toolchain.flashers.common import probe_trouble
from toolchain.ports import PortChoice
from toolchain.virtual import qemu

ORIGIN = 0x08000000
PROBE = PortChoice("/dev/ttyACM0", "/dev/ttyACM0: ST-Link VCP (0483:374b)", probe=True)
IMAGE = FlashImage(b"\x01\x02\x03\x04", ORIGIN)
GDB_INSTALLED = any(map(shutil.which, gdb.PROGRAMS))
with_gdb = pytest.mark.skipif(not GDB_INSTALLED, reason=f"no {' or '.join(gdb.PROGRAMS)}: {gdb.INSTALL}")


def program(folder: Path, name: str, script: str) -> None:
    """An executable that stands for a program which needs a probe."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


# ---- gdb -----------------------------------------------------------------------------------------------------------


@with_gdb
def test_gdb_flashes_qemu_and_the_firmware_runs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number = probe.getsockname()[1]
    assert TARGET.emulator is not None
    server = f"127.0.0.1:{number}"
    machine = ["-M", TARGET.emulator.machine, "-nodefaults", "-display", "none", "-serial", "stdio"]
    process = subprocess.Popen(
        [qemu.find_qemu(TARGET), *machine, "-S", "-gdb", f"tcp:{server}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        deadline = time.monotonic() + 10
        while not gdb.is_listening(server) and time.monotonic() < deadline:
            time.sleep(0.05)
        result = flash(firmware(), TARGET, choice(), f"gdb:{server}")
        assert (result.flasher, result.bytes) == ("gdb", len(firmware().data))
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.read(1) == b">"
        process.stdin.write(b"ping")
        process.stdin.flush()
        assert process.stdout.read(4) == b"ping"
    finally:
        process.kill()
        process.communicate()


@with_gdb
def test_gdb_without_a_server() -> None:
    with pytest.raises(BoardError, match="no gdb server answers") as error:
        flash(firmware(), TARGET, choice(), "gdb:127.0.0.1:1")
    assert "gdb:host:port" in error.value.hint


def test_gdb_output_is_judged() -> None:
    text = "Section .text, range 0x8000000 -- 0x8000010: matched.\n"
    good = f"Start address 0x08000101, load size 30\nTransfer rate: 1 KB/sec.\n{text}"
    gdb.check_output(good, "s")
    with pytest.raises(BoardError, match=r"\.data differ"):
        gdb.check_output(good + "Section .data, range 0x8000010 -- 0x8000020: MIS-MATCHED!\n", "s")
    with pytest.raises(BoardError, match="could not load"):
        gdb.check_output("Start address 0x08000101, load size 30\n", "s")
    with pytest.raises(BoardError, match="could not load"):
        gdb.check_output(f"Load failed\n{text}", "s")


def test_gdb_wants_an_elf() -> None:
    with pytest.raises(ToolError, match="ELF"):
        flash(IMAGE, TARGET, PROBE, "gdb")


# ---- OpenOCD and pyOCD ---------------------------------------------------------------------------------------------


def test_openocd_arguments() -> None:
    assert openocd.command_line("openocd", "board/x.cfg", Path("/a b/i.bin"), ORIGIN) == [
        *("openocd", "-f", "board/x.cfg"),
        *("-c", "program {/a b/i.bin} 0x8000000 verify reset exit"),
    ]


def test_pyocd_arguments() -> None:
    load, compare = pyocd.command_lines("pyocd", "stm32f405rgtx", Path("/a b/i.bin"), ORIGIN)
    assert load == [
        *("pyocd", "load", "--no-wait", "--target", "stm32f405rgtx", "--erase", "sector"),
        *("--format", "bin", "--base-address", "0x8000000", "/a b/i.bin"),
    ]
    assert compare == [
        *("pyocd", "commander", "--no-wait", "--target", "stm32f405rgtx"),
        *("--command", "compare 0x8000000 '/a b/i.bin'", "--command", "reset"),
    ]


def test_openocd_result(only: Path) -> None:
    program(only, "openocd", 'echo "** Programming Finished **"; echo "** Verified OK **"')
    assert flash(IMAGE, TARGET, PROBE).flasher == "openocd"
    program(only, "openocd", "echo 'Error: open failed'; echo '** OpenOCD init failed **'; exit 1")
    with pytest.raises(BoardError, match="open failed") as error:
        flash(IMAGE, TARGET, PROBE, "openocd")
    assert "No debug probe found" in error.value.hint
    program(only, "openocd", "echo '** Programming Finished **'; echo '** Verify Failed **'")
    with pytest.raises(BoardError, match="Verify Failed"):
        flash(IMAGE, TARGET, PROBE, "openocd")


def test_pyocd_result(only: Path) -> None:
    program(only, "pyocd", 'echo "All 4 bytes match."')
    assert flash(IMAGE, TARGET, PROBE).flasher == "pyocd"
    program(only, "pyocd", 'echo "Mismatched byte at 0x08000000 (offset 0x0): 0xff (memory) != 0x01 (file)"')
    with pytest.raises(BoardError, match="Mismatched byte"):
        flash(IMAGE, TARGET, PROBE, "pyocd")
    program(only, "pyocd", 'echo "Target type stm32f405rgtx not recognized."; exit 1')
    with pytest.raises(ToolError, match="does not know the chip") as error:
        flash(IMAGE, TARGET, PROBE, "pyocd")
    assert "pyocd pack install stm32f405rgtx" in error.value.hint


@pytest.mark.parametrize(
    ("output", "hint"),
    [
        ("Error: libusb_open() failed with LIBUSB_ERROR_ACCESS", "udev"),
        ("No connected debug probes", "No debug probe found"),
        ("Error: open failed", "No debug probe found"),
        ("LIBUSB_ERROR_BUSY", "Another program"),
        ("Error: init mode failed (unable to connect to the target)", "SWD wires"),
        ("something else", "Check probe"),
    ],
)
def test_what_probe_programs_say(output: str, hint: str) -> None:
    error = probe_trouble("OpenOCD", output)
    assert output in error.problem
    assert hint in error.hint


@pytest.mark.parametrize("name", ["openocd", "pyocd", "gdb"])
def test_missing_program_says_how_to_install_it(name: str, only: Path) -> None:
    image = FlashImage(b"abcd", ORIGIN, only / "x.elf")
    with pytest.raises(ToolError, match="is not installed") as error:
        flash(image, TARGET, PROBE, name)
    assert "install" in error.value.hint


# ---- the choice ----------------------------------------------------------------------------------------------------


def test_auto(only: Path) -> None:
    assert choose(TARGET, choice()) == "an3155"
    assert choose(TARGET, PortChoice("/dev/ttyUSB0", "CP210x", bootloader=True)) == "an3155"
    assert choose(TARGET, PortChoice("/dev/ttyAMA0", "/dev/ttyAMA0")) == "an3155"
    with pytest.raises(ToolError, match="debug probe") as error:
        choose(TARGET, PROBE)
    assert "openocd" in error.value.hint
    program(only, "pyocd", "")
    assert choose(TARGET, PROBE) == "pyocd"
    program(only, "openocd", "")
    assert choose(TARGET, PROBE) == "openocd"
    assert TARGET.flasher is not None
    preset = TARGET.model_copy(update={"flasher": TARGET.flasher.model_copy(update={"default": "gdb"})})
    assert choose(preset, PROBE) == "gdb"
    assert choose(TARGET.model_copy(update={"flasher": None}), PROBE) == "none"


def test_none_and_unknown() -> None:
    assert flash(IMAGE, TARGET, PROBE, "none").bytes == 0
    with pytest.raises(BoardError, match="no flasher 'jtag'"):
        flash(IMAGE, TARGET, PROBE, "jtag")


def test_a_target_that_names_no_probe_configuration(only: Path) -> None:
    assert TARGET.flasher is not None
    bare = TARGET.model_copy(
        update={"flasher": TARGET.flasher.model_copy(update={"openocd_config": "", "pyocd_target": ""})}
    )
    for name in ("openocd", "pyocd"):
        with pytest.raises(TargetError, match="names no"):
            flash(IMAGE, bare, PROBE, name)
