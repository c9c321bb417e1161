"""Our own flasher against the virtual board's ROM boot loader, on a good line and on bad ones."""

from __future__ import annotations

import contextlib
import dataclasses
import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import serial
from board_kit import TARGET, URL, choice, firmware, state_file
from serial import rfc2217

from toolchain.errors import BoardError, TargetError
from toolchain.flashers import FlashImage, FlashResult, flash
from toolchain.flashers.an3155 import sectors_of
from toolchain.ports import PortChoice, open_port
from toolchain.progress import Progress
from toolchain.virtual.chip import Chip
from toolchain.virtual.faults import FaultyLine

ORIGIN = 0x08000000
TRIALS = 100


class Recorder(Progress):
    """Keeps what a user would see."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int | None, int]] = []
        self.notes: list[str] = []

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        done = 0

        def advance(units: int) -> None:
            nonlocal done
            done += units

        yield advance
        self.steps.append((title, total, done))

    def note(self, text: str) -> None:
        self.notes.append(text)


def flashed() -> bytes:
    return state_file().read_bytes()


def flash_over(url: str, image: FlashImage, progress: Progress | None = None) -> FlashResult:
    return flash(image, TARGET, choice(url), "auto", progress)


def answers() -> bool:
    with open_port(URL, timeout=10) as port:
        if port.read(1) != b">":
            return False
        port.write(b"hello")
        return bytes(port.read(5)) == b"hello"


def test_flash_and_run() -> None:
    image, seen = firmware(), Recorder()
    result = flash_over(URL, image, seen)
    assert (result.flasher, result.bytes, result.retries, result.rounds) == ("an3155", len(image.data), 0, 1)
    assert flashed()[: len(image.data)] == image.data
    size = len(image.data)
    assert seen.steps == [("Erasing", 2, 2), ("Writing", size, size), ("Verifying", size, size)]
    assert answers()


def test_only_needed_sectors_are_erased() -> None:
    filled = bytes(random.Random(1).randbytes(40000))
    flash_over(URL, FlashImage(filled, ORIGIN))
    flash_over(URL, FlashImage(b"\x11" * 100, ORIGIN))
    after = flashed()
    assert after[:100] == b"\x11" * 100
    assert after[100:16384] == b"\xff" * (16384 - 100)
    assert after[16384:40000] == filled[16384:]


@pytest.mark.parametrize(
    ("start", "size", "sectors"),
    [(0, 1, [0]), (0, 16384, [0]), (0, 16385, [0, 1]), (0, 1 << 20, list(range(12))), (0x1FFFF, 2, [4, 5])],
)
def test_sectors(start: int, size: int, sectors: list[int]) -> None:
    assert sectors_of(TARGET, FlashImage(bytes(size), ORIGIN + start)) == sectors


def test_erasing_at_the_speed_of_silicon() -> None:
    """DS8626: a 16 KB sector takes 0.25 s."""
    result = flash_over(f"{URL}?timing=1", FlashImage(b"\x01" * 16385, ORIGIN))
    assert 0.5 <= result.seconds < 5
    assert (result.retries, result.rounds) == (0, 1)


@pytest.mark.parametrize("size", [1, 3, 255, 256, 257, 511, 1021])
def test_odd_sizes(size: int) -> None:
    data = random.Random(size).randbytes(size)
    flash_over(URL, FlashImage(data, ORIGIN))
    assert flashed()[: size + 4] == data + b"\xff" * 4


def test_an_image_outside_flash_is_refused() -> None:
    for image in (FlashImage(b"", ORIGIN), FlashImage(b"x" * 8, 0x20000000), FlashImage(bytes((1 << 20) + 1), ORIGIN)):
        with pytest.raises(TargetError):
            flash_over(URL, image)


def small_image(seed: int) -> FlashImage:
    """Three blocks and a half of random bytes, with runs of 0xFF and 0x00 in them."""
    rng = random.Random(seed)
    parts = [rng.randbytes(300), b"\xff" * 300, b"\x00" * 100, rng.randbytes(rng.randrange(200, 400))]
    return FlashImage(b"".join(parts), ORIGIN)


def traffic(image: FlashImage) -> tuple[int, int, int]:
    """Bytes to the board, bytes from it and ACKs in one flashing without faults."""
    counts = [0, 0, 0]
    receive, send = FaultyLine.receive, FaultyLine.send

    def counted_receive(self: FaultyLine, data: bytes) -> bytes:
        counts[0] += len(data)
        return receive(self, data)

    def counted_send(self: FaultyLine, data: bytes) -> bytes:
        counts[1] += len(data)
        counts[2] += data == b"\x79"
        return send(self, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FaultyLine, "receive", counted_receive)
        patch.setattr(FaultyLine, "send", counted_send)
        flash_over(URL, image)
    return counts[0], counts[1], counts[2]


KINDS = ("flip_rx", "drop_rx", "flip_tx", "drop_tx", "drop_ack")


@pytest.mark.parametrize("kind", KINDS)
def test_every_single_fault_is_survived(kind: str) -> None:
    rng = random.Random(f"faults {kind}")
    retries = 0
    received, sent, acks = traffic(small_image(0))
    span = {"flip_rx": received, "drop_rx": received, "flip_tx": sent, "drop_tx": sent, "drop_ack": acks}[kind]
    assert span > 30
    for trial in range(TRIALS // len(KINDS)):
        image = small_image(trial)
        at = rng.randrange(1, span)
        result = flash_over(f"{URL}?{kind}={at}", image)
        assert flashed()[: len(image.data)] == image.data, (kind, at)
        retries += result.retries + result.rounds - 1
    # Fewer retries than trials: a fault in what synchronises costs none.
    assert retries >= TRIALS // len(KINDS) // 2


def test_every_reply_of_the_handshake_may_be_damaged() -> None:
    """Synchronisation, GET and GID: 21 bytes from the board, none of them protected by a checksum."""
    image = FlashImage(b"\x5a" * 64, ORIGIN)
    for kind in ("flip_tx", "drop_tx"):
        for at in range(1, 22):
            flash_over(f"{URL}?{kind}={at}", image)
            assert flashed()[:64] == image.data, (kind, at)


@pytest.mark.parametrize("trial", range(20))
def test_unplugged_in_the_middle(trial: int) -> None:
    rng = random.Random(f"unplug {trial}")
    image, seen = small_image(trial), Recorder()
    received, _, _ = traffic(image)
    at = rng.randrange(1, received)
    with pytest.raises(BoardError, match="unplugged in the middle of flashing") as error:
        flash_over(f"{URL}?unplug={at}", image, seen)
    assert "Plug the board in and flash it again" in error.value.hint
    assert len(seen.notes) == 1
    assert "trying once more" in seen.notes[0]
    flash_over(URL, image)
    assert flashed()[: len(image.data)] == image.data


def test_unplugged_while_writing_leaves_nothing_that_boots() -> None:
    image = firmware()
    flash_over(URL, image)
    received, _, _ = traffic(image)
    with pytest.raises(BoardError, match="unplugged"):
        flash_over(f"{URL}?unplug={received // 2}", image)
    assert flashed()[:8] == b"\xff" * 8
    with open_port(URL, timeout=0.2) as port:
        assert port.read(1) == b""
        assert "blank" in port.silence()


def test_back_after_unplugging(monkeypatch: pytest.MonkeyPatch) -> None:
    """The port fails once; the second opening is good."""
    from toolchain.flashers import an3155

    urls = iter([f"{URL}?unplug=700", URL])
    monkeypatch.setattr(an3155, "open_port", lambda url, *a, **k: open_port(next(urls), *a, **k))
    image, seen = small_image(3), Recorder()
    flash_over(URL, image, seen)
    assert len(seen.notes) == 1
    assert flashed()[: len(image.data)] == image.data


@pytest.mark.parametrize("bad_writes", [1, 1000])
def test_flash_that_reads_back_wrong_is_erased_and_written_again(
    bad_writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell that loses a bit once is mended by a second round; one that always does is reported."""
    program, left = Chip.program, [bad_writes]

    def weak(self: Chip, address: int, data: bytes) -> bool:
        if address == ORIGIN + 256 and left[0]:
            left[0] -= 1
            data = bytes([data[0] & 0xFE]) + data[1:]
        return program(self, address, data)

    monkeypatch.setattr(Chip, "program", weak)
    image = FlashImage(b"\x55" * 600, ORIGIN)
    if bad_writes == 1:
        assert flash_over(URL, image).rounds == 2
        assert flashed()[:600] == image.data
    else:
        with pytest.raises(BoardError, match="verifying 0x08000100, after 3 rounds"):
            flash_over(URL, image)


def test_write_protected_flash_is_named() -> None:
    with open_port(URL, parity="E", timeout=1, dtr=True, rts=False) as port:
        port.dtr = False
        for frame in (b"\x7f", b"\x63\x9c", b"\x00\x00\x00"):
            port.write(frame)
            assert port.read(1) == b"\x79"
    try:
        with pytest.raises(BoardError, match="refuses: erasing sector 0") as error:
            flash_over(URL, small_image(0))
        assert "protected" in error.value.hint
    finally:
        with open_port(URL, parity="E", timeout=1, dtr=True, rts=False) as port:
            port.dtr = False
            port.write(b"\x7f")
            assert port.read(1) == b"\x79"
            port.write(b"\x73\x8c")
            assert port.read(2) == b"\x79\x79"
    flash_over(URL, small_image(0))


def test_another_chip_is_refused() -> None:
    assert TARGET.flasher is not None
    other = TARGET.model_copy(update={"flasher": TARGET.flasher.model_copy(update={"device_id": 0x419})})
    with pytest.raises(BoardError, match="device id 0x413"):
        flash(small_image(0), other, choice(), "an3155")


def test_without_modem_lines_the_user_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loader that only the user can reach: the port takes no DTR or RTS, and 'the user' presses the buttons."""
    from toolchain.flashers import an3155

    opened = []

    def without_lines(url: str, *args: object, **kwargs: object) -> object:
        port = open_port(url, *args, **{**kwargs, "dtr": False, "rts": True})  # type: ignore[arg-type]
        opened.append(port)
        monkeypatch.setattr(type(port), "_update_dtr_state", lambda self: None)
        monkeypatch.setattr(type(port), "_update_rts_state", lambda self: None)
        return port

    def press(text: str) -> None:
        assert "BOOT0" in text
        board = opened[-1].board  # type: ignore[attr-defined]
        board.set_boot0(True)
        board.set_nrst(True)
        board.set_nrst(False)

    flash_over(URL, small_image(1))
    monkeypatch.setattr(an3155, "open_port", without_lines)
    with pytest.raises(BoardError, match="does not answer") as error:
        flash(small_image(2), TARGET, choice(), "an3155")
    assert "BOOT0" in error.value.hint
    monkeypatch.undo()
    monkeypatch.setattr(an3155, "open_port", without_lines)
    seen = Recorder()
    flash(firmware(), TARGET, choice(), "an3155", seen, press)
    assert any("BOOT0 back to 0" in note for note in seen.notes)
    monkeypatch.undo()
    assert answers()


@contextmanager
def served(url: str) -> Iterator[str]:
    """The port behind pyserial's own RFC 2217 server, as a serial port server in a lab offers it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, open_port(url, parity="E", timeout=0.01, dtr=True) as port:

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                manager = rfc2217.PortManager(port, peer.makefile("wb", buffering=0))
                threading.Thread(target=to_host, args=(peer, manager), daemon=True).start()
                while data := peer.recv(1024):
                    port.write(b"".join(manager.filter(data)))

        def to_host(peer: socket.socket, manager: rfc2217.PortManager) -> None:
            with contextlib.suppress(OSError, serial.SerialException):
                while True:
                    if data := port.read(port.in_waiting or 1):
                        peer.sendall(b"".join(manager.escape(data)))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"rfc2217://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(5)


@pytest.mark.filterwarnings("ignore:set:DeprecationWarning")  # pyserial 3.5's own
def test_over_rfc2217() -> None:
    image = small_image(5)
    with served(URL) as url:
        result = flash(image, TARGET, PortChoice(url, url, bootloader=True))
    assert (result.flasher, result.retries, result.rounds) == ("an3155", 0, 1)
    assert flashed()[: len(image.data)] == image.data


def test_fields_of_the_result() -> None:
    assert [f.name for f in dataclasses.fields(FlashResult)] == ["flasher", "bytes", "seconds", "retries", "rounds"]
