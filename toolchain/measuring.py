"""Measures a model on whatever answers the firmware's protocol: a board, the virtual board, a host process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from toolchain.errors import BoardError
from toolchain.graph import Array
from toolchain.link.client import Link
from toolchain.link.info import CORE_CYCLES, NANOSECONDS, DeviceInfo
from toolchain.ports import PortChoice, PortGoneError, open_port, wait_for_port
from toolchain.progress import Progress
from toolchain.results import CYCLES_MEASURED, CYCLES_MODELLED, HOST_NS, INSTRUCTIONS, Latency
from toolchain.target import Target
from toolchain.virtual import RegionCounts, VirtualBoard

Result = TypeVar("Result")

_RECONNECT_S = 10.0


@dataclass(frozen=True)
class Timing:
    """``latency`` in every unit there is; ``layers`` in ``layer_unit``. ``stack`` is the high-water mark in bytes.

    Where nothing counts, ``latency`` is empty, ``layer_unit`` None and so are the layers.
    """

    latency: tuple[Latency, ...]
    layer_unit: str | None
    layers: tuple[int | None, ...]
    stack: int | None
    notes: tuple[str, ...] = ()


@contextmanager
def linked(url: str, target: Target, sha256: str, name: str) -> Iterator[tuple[Link, Any]]:
    """An open link to a board that carries this model, and its port. Raises BoardError."""
    port = open_port(url, target.board.baud)
    try:
        link = Link(port)
        link.check_model(sha256, name)
        yield link, port
    finally:
        port.close()


def time_model(
    choice: PortChoice, target: Target, sha256: str, name: str, inputs: Sequence[Array], runs: int, progress: Progress
) -> Timing:
    """Warm up, run ``runs`` inferences on one sample, then one layer by layer.

    On the virtual board the emulator counts: instructions exactly, cycles by its model where it can.
    """

    def measure() -> Timing:
        with progress.step("Measuring latency", runs + 2) as advance:
            return _timing(choice, target, sha256, name, inputs, runs, advance)

    return _once_more(measure, choice, progress)


def _timing(
    choice: PortChoice,
    target: Target,
    sha256: str,
    name: str,
    inputs: Sequence[Array],
    runs: int,
    advance: Callable[[int], None],
) -> Timing:
    url = with_query(choice.url, "count=1") if choice.virtual else choice.url
    with linked(url, target, sha256, name) as (link, port):
        link.infer(inputs)  # the warm-up
        advance(1)
        _check_selftests(link)
        board = port.board if choice.virtual else None
        if board is not None:
            board.clear()
        samples: list[int] = []
        while len(samples) < runs:
            _write(link, inputs)  # an inference may overwrite its inputs, and every run should see the same
            samples += link.bench(1)
            advance(1)
        regions = board.regions()[:runs] if board is not None else []
        _write(link, inputs)
        layers = tuple(link.profile())
        advance(1)
        used, reserved = link.stack()
        stack = used if reserved else None
        if board is not None:
            return _counted(board, target, regions, samples, layers, stack)
        unit = _unit(link.info())
        clock_hz = link.info().clock_hz if unit == CYCLES_MEASURED else None
        return Timing((Latency(unit, tuple(samples), clock_hz),), unit, layers, stack)


def _counted(
    board: VirtualBoard,
    target: Target,
    regions: Sequence[RegionCounts],
    ticks: Sequence[int],
    layers: Sequence[int],
    stack: int | None,
) -> Timing:
    """What the emulator counted: instructions by the firmware's timer or by the markers, cycles by its model."""
    emulation = target.emulator
    assert emulation is not None
    latency: list[Latency] = []
    unit: str | None = None
    values: tuple[int | None, ...] = tuple(None for _ in layers)
    notes = [f"no modelled cycles: {board.no_cycles}"] if board.no_cycles else []
    if not target.boot_loader:
        notes.append(f"virtual://{emulation.board} has no boot loader: the emulator was handed the image over no UART")
    # segment 0 is the call itself, before the first layer's marker
    segments = regions[-1].segments[1:] if regions else ()
    if emulation.instructions == "timer":
        latency.append(Latency(INSTRUCTIONS, tuple(ticks)))
        unit, values = INSTRUCTIONS, tuple(layers)
    elif regions:
        latency.append(Latency(INSTRUCTIONS, tuple(r.instructions for r in regions)))
        unit, values = INSTRUCTIONS, tuple(instructions for instructions, _ in segments)
    else:
        notes.append(f"no instruction counts: {board.no_regions}")
    cycles = tuple(r.cycles for r in regions if r.cycles is not None)
    if cycles:
        latency.insert(0, Latency(CYCLES_MODELLED, cycles, target.board.clock_hz))
        unit, values = CYCLES_MODELLED, tuple(modelled for _, modelled in segments)
    return Timing(tuple(latency), unit, values, stack, tuple(notes))


def evaluate(
    choice: PortChoice, target: Target, sha256: str, name: str, inputs: Sequence[Array], progress: Progress
) -> list[Array]:
    """The board's outputs for every sample; ``inputs`` and the results have the samples first.

    The samples are one stream: a model that keeps state begins it with its initial values.
    """
    count = len(inputs[0])
    rows: list[list[Array]] = []
    with progress.step("Running on the board", count) as advance:

        def go_on() -> None:
            with linked(choice.url, target, sha256, name) as (link, _):
                if link.info().stateful:
                    rows.clear()
                    link.inferences(restart=True)
                for i in range(len(rows), count):
                    rows.append(link.infer([x[i] for x in inputs]))
                    advance(1)

        _once_more(go_on, choice, progress)
    return [np.stack(column) for column in zip(*rows, strict=True)]


def _once_more(work: Callable[[], Result], choice: PortChoice, progress: Progress) -> Result:
    """Do the work, and again when the port went away in the middle. Raises BoardError when that does not help."""
    try:
        return work()
    except PortGoneError as gone:
        progress.note(f"{gone.problem}; trying once more.")
    wait_for_port(choice.url, 0.0 if choice.virtual else _RECONNECT_S)
    try:
        return work()
    except BoardError as e:
        raise BoardError(
            f"{choice.url} was unplugged in the middle of measuring: {e.problem}",
            "The firmware on the board is whole: plug the board in and go on with mcuforge measure.",
        ) from e


def _write(link: Link, inputs: Sequence[Array]) -> None:
    for index, x in enumerate(inputs):
        link.write(index, np.ascontiguousarray(x).tobytes())


def with_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"


def _check_selftests(link: Link) -> None:
    """Raises BoardError when the board's own test inputs do not give the outputs stored with them."""
    for index in range(link.info().n_selftests):
        if not link.selftest(index):
            raise BoardError(
                f"the board failed self test {index}: its outputs are wrong",
                "Flash it again; if that does not help, its clock or supply may be out of range.",
            )


def _unit(info: DeviceInfo) -> str:
    """What a tick is on a board or a host process; a virtual board's emulator counts otherwise."""
    if info.timer_unit == CORE_CYCLES:
        return CYCLES_MEASURED
    if info.timer_unit == NANOSECONDS:
        return HOST_NS
    raise BoardError(
        "the board's cycle counter does not count and its timer's rate is unknown",
        "Attach it without a debugger that stops DWT, and reset it.",
    )
