"""Which port the board is on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from serial.tools import list_ports

from toolchain.errors import BoardError
from toolchain.target import Target, UsbId
from toolchain.virtual.board import use_target


@dataclass(frozen=True)
class PortChoice:
    """``url`` is what ``open_port`` takes, ``description`` a line for people.

    ``bootloader`` says that DTR and RTS may reach reset and BOOT0, as far as the kind of port tells; ``probe`` that the
    port belongs to a debug probe, which flashes by other ways.
    """

    url: str
    description: str
    virtual: bool = False
    bootloader: bool = False
    probe: bool = False


def find_port(target: Target, port: str = "auto") -> PortChoice:
    """The port named, or with ``auto`` the first attached board that the target knows, else its virtual board.

    Raises BoardError when ``auto`` finds nothing and the target has no emulator.
    """
    use_target(target)
    attached = attached_boards(target, list_ports.comports())
    if port != "auto":
        return _named(port, attached)
    if attached:
        first, others = attached[0], [a.url for a in attached[1:]]
        if not others:
            return first
        more = f"{first.description}; also attached: {', '.join(others)} (choose with --port)"
        return replace(first, description=more)
    if target.emulator is None:
        raise BoardError(f"no board for target {target.name} is attached", "Plug it in, or name its port: --port.")
    return _virtual(f"virtual://{target.emulator.board}", "no board attached")


def attached_boards(target: Target, ports: Iterable[Any]) -> list[PortChoice]:
    """The ports whose USB ids the target lists: those that can drive the boot loader first, then by device name."""
    found = []
    for info in ports:
        for known in target.usb:
            if info.vid == known.vid and known.pid in (None, info.pid):
                found.append(_describe(info, known))
                break
    return sorted(found, key=lambda choice: (not choice.bootloader, choice.url))


def _describe(info: Any, known: UsbId) -> PortChoice:
    serial_number = f", serial number {info.serial_number}" if info.serial_number else ""
    ids = f"{info.vid:04x}:{info.pid:04x}"
    return PortChoice(
        info.device,
        f"{info.device}: {known.what} ({ids}{serial_number})",
        bootloader=known.bootloader,
        probe=not known.bootloader,
    )


def _named(port: str, attached: list[PortChoice]) -> PortChoice:
    for choice in attached:
        if choice.url == port:
            return choice
    if port.startswith("virtual://"):
        return _virtual(port, "")
    # RFC 2217 carries the modem lines; whether they are wired shows when the boot loader is asked.
    return PortChoice(port, port, bootloader=port.startswith("rfc2217://"))


def _virtual(url: str, why: str) -> PortChoice:
    return PortChoice(url, f"{url}: virtual board{f', {why}' if why else ''}", virtual=True, bootloader=True)
