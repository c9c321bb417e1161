"""The firmware on every other emulated core: crashes are told as such, counts repeat, unaligned words are seen."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from firmware_kit import build, command, random_inputs, tensors, tiny_model, tiny_reference
from support.cores import OTHER_CORES, need_tools

from toolchain import flashers
from toolchain.elf import read_image
from toolchain.errors import BoardError
from toolchain.link import Link
from toolchain.ports import find_port, open_port
from toolchain.target import load_target

_folders: list[tempfile.TemporaryDirectory[str]] = []


@functools.cache
def _elf(name: str) -> Path:
    _folders.append(tempfile.TemporaryDirectory(prefix="mcuforge-tiny-"))
    return build(Path(_folders[-1].name) / "fw", name, tiny_model(), ["-DNN_PROFILE"])


@pytest.fixture(params=OTHER_CORES)
def port(request: pytest.FixtureRequest) -> Iterator[serial.SerialBase]:
    """The running tiny model on each core's virtual board."""
    target = load_target(request.param)
    need_tools(target)
    assert target.emulator is not None
    choice = find_port(target, f"virtual://{target.emulator.board}")
    origin, image = read_image(_elf(request.param))
    flashers.flash(flashers.FlashImage(image, origin), target, choice)
    with open_port(f"{choice.url}?count=1") as opened:
        yield opened


def _check_inference(link: Link) -> None:
    a, b = random_inputs(5)
    got = link.infer(tensors(a, b))
    assert tuple(x.tobytes() for x in got) == tiny_reference(a, b)


@pytest.mark.parametrize("letter", ["i", "o"])
def test_a_crash_is_told_as_one(port: serial.SerialBase, letter: str) -> None:
    """An illegal instruction and a stack that runs over end in a reset, which INFO reports."""
    link = Link(port)
    _check_inference(link)
    with pytest.raises(BoardError, match="crashed while it ran 'tiny'"):
        link.infer(tensors(random_inputs(0)[0], command(letter)))
    link.reset()
    assert not link.info().started_by_fault
    _check_inference(link)


def test_counts_repeat(port: serial.SerialBase) -> None:
    """By the timer where a tick is an instruction, by the markers elsewhere; the layers add up."""
    link = Link(port)
    _check_inference(link)
    port.board.clear()
    ticks = link.bench(20)
    if port.board.target.emulator.instructions == "markers":
        regions = port.board.regions()
        ticks = [region.instructions for region in regions]
        assert len(ticks) == 20
        assert {(region.cycles, region.crossing) for region in regions} == {(None, 0)}
    assert len(set(ticks)) == 1
    assert ticks[0] > 1200
    assert port.board.no_cycles == f"there is no cycle model of the {port.board.target.core}"


@pytest.mark.parametrize("port", ["mps2-an385"], indirect=True)
def test_an_unaligned_word_is_counted(port: serial.SerialBase) -> None:
    """QEMU lets a Cortex-M0 make unaligned accesses, which the chip does not: so they are counted."""
    link = Link(port)
    link.infer(tensors(random_inputs(0)[0], command("u")))
    assert port.board.regions()[-1].crossing == 1
