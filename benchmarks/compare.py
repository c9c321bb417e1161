"""Compares figures with the stored ones: every change is told, a slower model is an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.record import Layer, Model, Objective, Record, Tools

TOLERANCE = 0.01

_Entry = Model | Layer | Objective


@dataclass(frozen=True)
class Comparison:
    """``changes`` and ``failures`` are lines for people.

    ``reason`` says why figures of different tools were not compared; it is empty when they were.
    """

    changes: tuple[str, ...]
    failures: tuple[str, ...]
    reason: str = ""


def compare(stored: Record, found: Record) -> Comparison:
    """A model that is more than 1 % slower fails, when compiler and emulator are those of the stored figures.

    A wrong output code fails with any tools.
    """
    wrong = [f"{m.name}: {m.wrong_codes} output codes differ from TFLM's" for m in found.models if m.wrong_codes]
    reason = other_tools(stored.tools, found.tools)
    if reason:
        return Comparison((), tuple(wrong), reason)
    before, after = ({m.name: m for m in record.models} for record in (stored, found))
    changes: list[str] = []
    slower: list[str] = []
    for name in {**before, **after}:
        if name not in before or name not in after:
            changes.append(f"{name}: {'not stored yet' if name in after else 'no longer measured'}")
            continue
        changes += _model_changes(before[name], after[name])
        if after[name].cycles > before[name].cycles * (1 + TOLERANCE):
            slower.append(
                f"{name} is {_change(before[name].cycles, after[name].cycles)} cycles, more than {TOLERANCE:.0%} slower"
            )
    return Comparison(tuple(changes), (*wrong, *slower))


def other_tools(stored: Tools, found: Tools) -> str:
    """Patch levels do not count: a distribution's security update changes neither code nor counts."""
    different = [
        f"{what} is {now}, the stored figures are of {then}"
        for what, then, now in (("gcc", stored.compiler, found.compiler), ("QEMU", stored.qemu, found.qemu))
        if then.split(".")[:2] != now.split(".")[:2]
    ]
    return "; ".join(different)


def _model_changes(before: Model, after: Model) -> Iterator[str]:
    if before.sha256 != after.sha256:
        yield f"{before.name}: the model's file is another one than the stored figures are of"
    yield from _figures(
        before.name, before, after, ("cycles", "flash_bytes", "ram_bytes", "arena_bytes", "arena_lower_bound")
    )
    yield from _layer_changes(before.name, before.layers, after.layers)
    stored = {o.name: o for o in before.objectives}
    for objective in after.objectives:
        if objective.name in stored:
            where = f"{before.name} --optimize {objective.name}"
            yield from _figures(where, stored[objective.name], objective, ("cycles", "flash_bytes", "ram_bytes"))


def _layer_changes(model: str, before: Sequence[Layer], after: Sequence[Layer]) -> Iterator[str]:
    if [layer.name for layer in before] != [layer.name for layer in after]:
        yield f"{model}: has other layers: {len(before)} -> {len(after)}"
        return
    for old, new in zip(before, after, strict=True):
        where = f"{model}, {old.name}"
        if old.kernel != new.kernel:
            yield f"{where}: kernel {old.kernel} -> {new.kernel}"
        yield from _figures(where, old, new, ("cycles", "flash_bytes", "ram_bytes"))


def _figures(where: str, before: _Entry, after: _Entry, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield f"{where}: {name.replace('_', ' ')} {_change(old, new)}"


def _change(old: int, new: int) -> str:
    return f"{old:,} -> {new:,} ({(new - old) / old:+.2%})" if old else f"{old:,} -> {new:,}"
