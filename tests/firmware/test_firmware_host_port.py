"""``host://``: a process as a serial port, which never outlives what opened it and tells why it died."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import serial
from firmware_kit import command, open_host, random_inputs, tensors

from toolchain.errors import BoardError
from toolchain.link import Link
from toolchain.ports import open_port

CHILD = """
import sys, time
from toolchain.ports import open_port
from toolchain.link import Link
port = open_port(sys.argv[1])
link = Link(port)
link.info()
print(port.pid, flush=True)
if sys.argv[2] == "busy":
    link.write(1, b"do:l")
    link.run()
time.sleep(60)
"""


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


def test_closing_the_port_ends_the_process(host_elf: Path) -> None:
    port = open_host(host_elf)
    pid = port.pid
    assert alive(pid)
    port.close()
    assert not alive(pid)
    port.close()


def test_closing_ends_a_busy_process_too(host_elf: Path) -> None:
    port = open_host(host_elf)
    link, pid = Link(port, run_timeout=0.2), port.pid
    link.write(1, command("l"))
    with pytest.raises(BoardError):
        link.run()
    assert alive(pid)
    start = time.monotonic()
    port.close()
    assert not alive(pid)
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("state", ["idle", "busy"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_with_its_parent(host_elf: Path, state: str, how: signal.Signals) -> None:
    arguments = [sys.executable, "-c", CHILD, f"host://{host_elf}", state]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.3)
        assert alive(pid)
        parent.send_signal(how)
        parent.wait(10)
    assert wait_until_gone(pid, 5)


def test_a_sanitizer_s_report_reaches_the_user(host_elf: Path) -> None:
    port = open_host(host_elf)
    with pytest.raises(BoardError) as e:
        Link(port).infer(tensors(random_inputs(0)[0], command("w")))
    assert "tiny.c" in e.value.problem
    assert "out of bounds" in e.value.problem or "overflow" in e.value.problem
    port.close()


def test_an_exit_is_told_with_its_status(host_elf: Path) -> None:
    port = open_host(host_elf)
    with pytest.raises(BoardError, match="ended with status 3"):
        Link(port).infer(tensors(random_inputs(0)[0], command("x")))
    port.close()


def test_reset_is_the_same_process_from_its_start(host_elf: Path) -> None:
    port = open_host(host_elf)
    link, pid = Link(port), port.pid
    for _ in range(5):
        link.write(0, b"\1\2\3")
        link.reset()
        assert link.read(0)[:3] == bytes(3)
    assert (port.pid, alive(pid)) == (pid, True)
    time.sleep(1.2)  # longer than the period in which it looks after its parent
    assert link.stack() == (0, 0)
    port.close()


def test_what_is_no_executable_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="cannot start"):
        open_port(f"host://{tmp_path}/nothing")
    text = tmp_path / "text"
    text.write_text("no program")
    with pytest.raises(BoardError, match="cannot start"):
        open_port(f"host://{text}")
    for url in ("host://name/x", "host:///x?y=1"):
        with pytest.raises(BoardError, match="not a port"):
            open_port(url)


def test_a_path_with_blanks_works(host_elf: Path, tmp_path: Path) -> None:
    link = tmp_path / "two words"
    link.symlink_to(host_elf)
    port = open_port(f"host://{str(link).replace(' ', '%20')}")
    assert Link(port).info().name == "tiny"
    port.close()


def test_a_closed_port_says_so(host_elf: Path) -> None:
    port = open_host(host_elf)
    port.close()
    with pytest.raises(serial.SerialException):
        port.read(1)
    with pytest.raises(serial.SerialException):
        port.write(b"x")
