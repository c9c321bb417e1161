"""Ports and boards in trouble: busy, gone, forbidden, silent, talking nonsense, unplugged, with other firmware."""

from __future__ import annotations

import contextlib
import os
import pty
import socket
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from job_kit import URL, cli, contents, deployed, document, refused, refused_outside, small

from toolchain.cli import run
from toolchain.importers.tflite import parse_tflite

HOLDER = """
import fcntl, sys, termios
from toolchain.ports import open_port
port = open_port(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""


def _nothing(request: bytes) -> bytes:
    return b""


def _nonsense(request: bytes) -> bytes:
    """Always the same for the same request, with and without the frame's delimiter in it."""
    return np.random.default_rng(len(request)).bytes(200)


def _echo(request: bytes) -> bytes:
    return request


@pytest.fixture
def board(workplace: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """The build folder, with its firmware on the virtual board."""
    folder = str(deployed())
    document(capfd, "flash", folder, "--port", URL)
    return folder


@contextlib.contextmanager
def held(url: str) -> Iterator[None]:
    """Another process has the port."""
    command = [sys.executable, "-c", HOLDER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        try:
            yield
        finally:
            process.communicate("\n", timeout=20)


@contextlib.contextmanager
def terminal(answer: Callable[[bytes], bytes] = _nothing) -> Iterator[str]:
    """A pseudo terminal, and somebody behind it who answers so."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    ending = threading.Event()
    thread = threading.Thread(target=_talk, args=(ours, answer, ending))
    thread.start()
    try:
        yield os.ttyname(theirs)
    finally:
        ending.set()
        os.write(theirs, b"end")
        thread.join()
        os.close(ours)
        os.close(theirs)


def _talk(line: int, answer: Callable[[bytes], bytes], ending: threading.Event) -> None:
    os.set_blocking(line, True)
    while not ending.is_set():
        request = os.read(line, 4096)
        if not ending.is_set():
            os.write(line, answer(request))


@contextlib.contextmanager
def server(answer: Callable[[bytes], bytes] = _nothing) -> Iterator[str]:
    """A TCP server for serial ports behind which nobody, or somebody strange, is."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer, contextlib.suppress(OSError):
                    while request := peer.recv(4096):
                        peer.sendall(answer(request))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)
    assert not thread.is_alive()


PORTS = {
    "/dev/mcuforge-none": ["no such port", "doctor"],
    "nonsense://here": ["is not a port", "virtual://"],
    "virtual://z80": ["no virtual board 'z80'", "stm32f405"],
    f"{URL}?conut=1": ["unknown conut"],
    "socket://127.0.0.1:1": ["socket://127.0.0.1:1", "refused"],
    "rfc2217://127.0.0.1:1": ["rfc2217://127.0.0.1:1", "refused"],
    "socket://nowhere": ["is not a port", "port number is missing", "socket://host:port"],
}


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("command", ["deploy", "measure"])
def test_what_is_no_port(command: str, port: str, board: str, capfd: pytest.CaptureFixture[str]) -> None:
    model = str(small() / "small.tflite") if command == "deploy" else board
    refusal = refused(capfd, command, model, "--port", port, "--out", "out")
    assert all(word in refusal.text for word in PORTS[port]), refusal
    assert not Path("out").exists()


def test_a_port_is_looked_at_before_the_model(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Quantizing may take minutes; a missing board is known at once."""
    data = str(small() / "small.npz")
    arguments = (str(small() / "small.keras"), "--data", data, "--port", "/dev/mcuforge-none")
    begin = time.monotonic()
    done = cli("deploy", *arguments, cwd=workplace)
    assert done.returncode == 2
    assert "Loading the model" not in done.stderr
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize("command", ["deploy", "measure"])
def test_a_busy_virtual_board(command: str, board: str, capfd: pytest.CaptureFixture[str]) -> None:
    model = board if command in ("flash", "measure") else str(small() / "small.tflite")
    with held(URL):
        refusal = refused(capfd, command, model, "--port", URL)
    assert f"{URL} is busy" in refusal.problem
    assert "Another program" in refusal.hint
    document(capfd, "flash", board, "--port", URL)


def test_a_busy_terminal(board: str, capfd: pytest.CaptureFixture[str]) -> None:
    with terminal() as name, held(name):
        refusal = refused(capfd, "measure", board, "--port", name, "--out", "out")
    assert refusal.problem == f"{name} is busy"


def test_no_permission(board: str) -> None:
    """As root, too: a process without the privilege to pass over permissions."""
    wrapper = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    with terminal() as name:
        Path(name).chmod(0)
        refusal = refused_outside("measure", board, "--port", name, "--out", "out", wrapper=wrapper)
    assert refusal.problem == f"{name}: no permission to open the port"
    assert "dialout" in refusal.hint
    assert not Path("out").exists()


@pytest.mark.parametrize("line", [terminal, server])
def test_a_board_that_does_not_answer(
    line: Callable[[], object], board: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with line() as name:  # type: ignore[attr-defined]
        refusal = refused(capfd, "measure", board, "--port", name, "--out", "out")
    assert name in refusal.problem
    assert "no answer" in refusal.problem
    assert "BOOT0" in refusal.hint
    assert not Path("out").exists()


@pytest.mark.parametrize(("line", "answer"), [(server, _nonsense), (terminal, _echo)])
def test_a_board_that_talks_nonsense(
    line: Callable[..., object], answer: Callable[[bytes], bytes], board: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with line(answer) as name:  # type: ignore[attr-defined]
        refusal = refused(capfd, "measure", board, "--port", name, "--out", "out")
    assert name in refusal.problem
    assert not Path("out").exists()


@pytest.mark.parametrize("answer", [_nonsense, _echo, _nothing])
def test_no_boot_loader_behind_the_port(
    answer: Callable[[bytes], bytes], board: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with server(answer) as name:
        refusal = refused(capfd, "flash", board, "--port", name, "--flasher", "an3155")
    assert name in refusal.problem
    assert "boot loader" in refusal.text
    assert "BOOT0" in refusal.hint


def test_a_terminal_without_parity(board: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The boot loader speaks 8E1, and a pseudo terminal cannot."""
    with terminal() as name:
        refusal = refused(capfd, "flash", board, "--port", name, "--flasher", "an3155")
    assert f"{name} does not take 115200 baud 8E1" in refusal.problem


def test_a_blank_virtual_board_says_why_it_is_silent(
    board: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MCUFORGE_STATE", str(tmp_path / "blank"))
    refusal = refused(capfd, "measure", board, "--port", URL, "--out", "out")
    assert "blank" in refusal.text


def test_other_firmware(board: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The model differs by its weights alone: only the hash tells."""
    content = (small() / "small.tflite").read_bytes()
    graph = parse_tflite(content, "small", "small")
    weights = next(t.data.tobytes() for t in graph.tensors.values() if t.data is not None and t.shape == (4, 3, 3, 1))
    at = content.index(weights)
    before = contents(Path())
    Path("other.tflite").write_bytes(content[:at] + bytes([content[at] ^ 2]) + content[at + 1 :])
    refusal = refused(capfd, "measure", "other.tflite", "--port", URL, "--out", "out")
    assert "the board carries another model: 'small'" in refusal.problem
    assert "'other'" in refusal.problem
    assert "deploy" in refusal.hint
    Path("other.tflite").unlink()
    assert contents(Path()) == before


@pytest.mark.parametrize("byte", [60, 5000])
def test_unplugged_while_flashing(byte: int, board: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Twice: the second opening of the port has the same fault. The next run works."""
    out = ("--out", "out")
    model = str(small() / "small.tflite")
    refusal = refused(capfd, "deploy", model, "--port", f"{URL}?unplug={byte}", *out)
    assert "was unplugged in the middle of flashing" in refusal.problem
    assert "flash it again" in refusal.hint
    assert list(Path().iterdir()) == []
    assert document(capfd, "deploy", model, "--port", URL, "--limit", "2", *out)["exactness"]["differing"] == 0


@pytest.mark.parametrize("byte", [1, 500])
def test_unplugged_while_measuring(byte: int, board: str, capfd: pytest.CaptureFixture[str]) -> None:
    refusal = refused(capfd, "measure", board, "--port", f"{URL}?unplug={byte}", "--out", "out")
    assert "was unplugged in the middle of measuring" in refusal.problem
    assert "plug the board in" in refusal.hint
    assert list(Path().iterdir()) == []
    assert (
        document(capfd, "measure", board, "--port", URL, "--limit", "2", "--out", "out")["exactness"]["differing"] == 0
    )


def test_plugged_in_again_while_measuring(board: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The second opening goes on where the first one ended."""
    arguments = ("measure", board, "--data", str(small() / "small.npz"), "--out", "out", "--json")
    assert run([*arguments, "--port", f"{URL}?unplug=2000"]) == 0
    out, err = capfd.readouterr()
    assert err.count("trying once more") == 1
    assert '"total": 24' in out
    assert '"differing": 0' in out
