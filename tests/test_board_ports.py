"""Finding and opening ports, and what is said when that fails."""

from __future__ import annotations

import os
import pty
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest
import serial
from board_kit import TARGET, URL

from toolchain.errors import BoardError
from toolchain.ports import PortChoice, find_port, open_port, port_errors
from toolchain.ports import discover as discover_module
from toolchain.ports.discover import attached_boards
from toolchain.target import load_target
from toolchain.virtual import Faults, board_target, use_target


@dataclass(frozen=True)
class Usb:
    """What pyserial says of a port, as far as it is looked at."""

    device: str
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None


ST_LINK = Usb("/dev/ttyACM0", 0x0483, 0x374B, "0668FF")
CP210X = Usb("/dev/ttyUSB1", 0x10C4, 0xEA60)
CH340 = Usb("/dev/ttyUSB0", 0x1A86, 0x7523)
MODEM = Usb("/dev/ttyS0")


def attach(monkeypatch: pytest.MonkeyPatch, *ports: Usb) -> None:
    monkeypatch.setattr(discover_module.list_ports, "comports", lambda: list(ports))


def test_no_board_means_the_virtual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch, MODEM)
    found = find_port(TARGET)
    assert (found.url, found.virtual, found.bootloader, found.probe) == (URL, True, True, False)
    assert "no board attached" in found.description


def test_no_board_and_no_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch)
    with pytest.raises(BoardError, match="no board"):
        find_port(load_target("host"))


def test_one_board(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch, MODEM, ST_LINK)
    found = find_port(TARGET)
    description = "/dev/ttyACM0: ST-Link VCP (0483:374b, serial number 0668FF)"
    assert found == PortChoice("/dev/ttyACM0", description, virtual=False, bootloader=False, probe=True)


def test_several_boards_take_one_that_can_be_flashed_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch, ST_LINK, CP210X, CH340)
    found = find_port(TARGET)
    assert (found.url, found.bootloader) == ("/dev/ttyUSB0", True)
    assert "also attached: /dev/ttyUSB1, /dev/ttyACM0" in found.description
    assert [c.url for c in attached_boards(TARGET, [ST_LINK])] == ["/dev/ttyACM0"]


def test_a_named_port_keeps_what_its_usb_id_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    attach(monkeypatch, ST_LINK, CP210X)
    assert find_port(TARGET, "/dev/ttyUSB1").bootloader
    assert find_port(TARGET, "/dev/ttyACM0").probe
    plain = find_port(TARGET, "/dev/ttyAMA0")
    assert (plain.bootloader, plain.probe, plain.virtual) == (False, False, False)
    assert find_port(TARGET, "virtual://stm32f405?count=1").virtual
    assert find_port(TARGET, "rfc2217://lab:4000").bootloader


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("virtual://stm32f999", "no virtual board 'stm32f999'"),
        ("virtual://stm32f405?cuont=1", "unknown cuont"),
        ("virtual://", "is not a port"),
        ("virtual://stm32f405?drop_rx=0", "no byte number"),
        ("virtual://stm32f405?drop_rx=x", "no byte number"),
        ("nonsense://somewhere", "is not a port"),
        ("/dev/mcuforge-no-such-port", "no such port"),
        ("socket://127.0.0.1:1", "cannot open"),
        ("rfc2217://127.0.0.1:1", "cannot open"),
    ],
)
def test_what_cannot_be_opened(url: str, problem: str) -> None:
    with pytest.raises(BoardError, match=problem) as error:
        open_port(url)
    assert error.value.hint


def test_permission_and_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The errors of the operating system, which a privileged user on a machine without serial ports cannot provoke."""

    def fail_with(number: int) -> None:
        def fail(self: serial.Serial) -> None:
            raise serial.SerialException(number, os.strerror(number))

        monkeypatch.setattr(serial.Serial, "open", fail)

    fail_with(13)
    with pytest.raises(BoardError, match="no permission") as error:
        open_port("/dev/ttyUSB0")
    assert "dialout" in error.value.hint
    fail_with(11)
    with pytest.raises(BoardError, match="busy"):
        open_port("/dev/ttyUSB0")


def test_a_real_port_is_opened_exclusively() -> None:
    ours, theirs = pty.openpty()
    name = os.ttyname(theirs)
    try:
        with open_port(name) as port:
            port.write(b"out")
            assert os.read(ours, 3) == b"out"
            with pytest.raises(BoardError, match="busy"):
                open_port(name)
    finally:
        os.close(ours)
        os.close(theirs)


def test_socket_and_a_peer_that_goes_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        with open_port(url, timeout=5) as port:
            peer, _ = server.accept()
            peer.sendall(b"hi")
            assert port.read(2) == b"hi"
            peer.close()
            with pytest.raises(BoardError, match="is gone"), port_errors(url):
                port.read(1)


def test_a_description_of_ones_own_may_stand_for_a_board() -> None:
    assert TARGET.emulator is not None
    own = TARGET.model_copy(update={"emulator": TARGET.emulator.model_copy(update={"board": "mine"})})
    with pytest.raises(BoardError, match="no virtual board 'mine'"):
        board_target("mine")
    use_target(own)
    assert board_target("mine") is own
    with open_port("virtual://mine", timeout=0.1) as port:
        assert port.read(1) == b""
        assert "blank" in port.silence()


def test_faults_from_a_url() -> None:
    assert Faults.from_query({"flip_rx": "3", "unplug": "7", "count": "1"}) == Faults(flip_rx=3, unplug=7)


def test_unplug_is_what_pyserial_users_expect(tmp_path: Path) -> None:
    with open_port(f"{URL}?unplug=3", timeout=1) as port:
        assert port.write(b"ab") == 2
        with pytest.raises(serial.SerialException, match="disconnected"):
            port.write(b"cd")
        for use in (lambda: port.read(1), lambda: port.in_waiting, port.reset_input_buffer, port.flush):
            with pytest.raises(serial.SerialException, match="disconnected"):
                use()
