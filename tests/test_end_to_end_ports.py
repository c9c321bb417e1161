"""Jobs over the network: the virtual board behind pyserial's RFC 2217 server and behind a plain TCP server."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import serial
from job_kit import URL, deployed, document, refused, small
from serial import rfc2217

from toolchain import reference
from toolchain.assess import random_codes
from toolchain.compile import compile_model
from toolchain.job import Job
from toolchain.measuring import evaluate
from toolchain.ports import PortChoice, open_port
from toolchain.progress import Progress
from toolchain.target import load_target

TARGET = load_target("stm32")
Filters = tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]


def _rfc2217(port: serial.SerialBase, peer: socket.socket) -> Filters:
    manager = rfc2217.PortManager(port, peer.makefile("wb", buffering=0))
    return lambda data: b"".join(manager.filter(data)), lambda data: b"".join(manager.escape(data))


def _plain(port: serial.SerialBase, peer: socket.socket) -> Filters:
    return bytes, bytes


SERVERS = {"rfc2217": _rfc2217, "socket": _plain}


@contextlib.contextmanager
def served(scheme: str) -> Iterator[str]:
    """The virtual board on a server that takes one client after the other."""
    ending = threading.Event()

    def serve() -> None:
        while not ending.is_set():
            with contextlib.suppress(OSError):
                peer, _ = listener.accept()
                with peer:
                    talk(peer)

    def talk(peer: socket.socket) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        from_net, to_net = SERVERS[scheme](port, peer)
        left = threading.Event()

        def to_host() -> None:
            with contextlib.suppress(OSError, serial.SerialException):
                while not left.is_set():
                    if data := port.read(port.in_waiting or 1):
                        peer.sendall(to_net(data))

        thread = threading.Thread(target=to_host, daemon=True)
        thread.start()
        with contextlib.suppress(OSError):
            while data := peer.recv(4096):
                port.write(from_net(data))
        left.set()
        thread.join()

    with open_port(URL, parity="E", timeout=0.01) as port, socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ending.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
        assert not thread.is_alive()


@pytest.fixture
def board(workplace: Path, capfd: pytest.CaptureFixture[str]) -> str:
    document(capfd, "flash", str(deployed()), "--port", URL)
    return str(deployed())


def outputs_are_exact(url: str) -> None:
    model = compile_model(Job(str(small() / "small.tflite"), TARGET), Progress()).model
    codes = random_codes(model.graph, 20, seed=5)
    got = evaluate(PortChoice(url, url), TARGET, model.ident.sha256, model.ident.name, codes, Progress())
    for wanted, found in zip(reference.run(model.graph, codes), got, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.filterwarnings("ignore:set:DeprecationWarning")  # pyserial 3.5's own
def test_flash_and_run_over_rfc2217(board: str, capfd: pytest.CaptureFixture[str]) -> None:
    with served("rfc2217") as url:
        flashed = document(capfd, "flash", board, "--port", url)
        assert flashed["flasher"] == "an3155"
        assert flashed["bytes"] == (Path(board) / "firmware.bin").stat().st_size
        outputs_are_exact(url)


def test_run_over_a_socket(board: str) -> None:
    with served("socket") as url:
        outputs_are_exact(url)


def test_a_timer_that_nobody_vouches_for_is_not_reported(board: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Behind a network port nothing says that the board is an emulated one, whose ticks are no cycles."""
    with served("socket") as url:
        refusal = refused(capfd, "measure", board, "--port", url, "--out", "out")
    assert "cycle counter does not count" in refusal.problem
    assert not Path("out").exists()
