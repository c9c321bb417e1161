"""What every kernel variant of a node would cost: predicted cycles, flash and scratch."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from toolchain.graph import Graph, Node
from toolchain.ops import registry
from toolchain.ops.base import Const, Fields, KernelCall, KernelVariant, Overlap, RowField, Symbol
from toolchain.target import Target

BASE_FLASH = 4000  # the serial firmware, start-up and the model's own functions, measured on the stm32 target
CALL_FLASH = 88  # one call in run, one in profile, and alignment
ROW_CALL_FLASH = 140  # a call by rows: its function and its entry in the stage's table


@dataclass(frozen=True, eq=False)
class Option:
    """A variant of one node. ``cycles`` (modelled) are predicted, ``flash`` are bytes of its own constants and calls.

    ``code`` are the runtime functions that it needs, which layers share.
    """

    variant: KernelVariant
    calls: tuple[KernelCall, ...]
    cycles: float
    flash: int
    code: frozenset[str]
    in_place: tuple[int, ...] = ()
    overlap: Overlap | None = None
    row_fields: tuple[RowField, ...] = ()

    @property
    def scratch(self) -> int:
        return max((c.scratch_bytes for c in self.calls), default=0)


def options_of(graph: Graph, node: Node, target: Target) -> list[Option]:
    """One option for each variant that computes this node on this target."""
    return [option_of(graph, node, v) for v in variants_for(node, target) if v.supports(graph, node)]


def variants_for(node: Node, target: Target) -> list[KernelVariant]:
    """The operator's variants that the target has the features for."""
    features = frozenset(target.features)
    return [v for v in registry()[node.op].variants if v.runs_on(features)]


def code_bytes(functions: frozenset[str]) -> int:
    """Flash of runtime functions; one that was never measured counts as nothing."""
    return sum(int(_code_sizes().get(f, {}).get("bytes", 0)) for f in functions)


def flash_bytes(options: Collection[Option]) -> int:
    """Predicted flash of the whole firmware of a plan, from above: what the linker merges is counted twice."""
    code = frozenset[str]().union(*(o.code for o in options))
    return BASE_FLASH + code_bytes(code) + sum(o.flash for o in options)


def option_of(graph: Graph, node: Node, variant: KernelVariant) -> Option:
    """What this variant would cost, supported or not."""
    calls = variant.lower(graph, node)
    values = [value for call in calls for _, value in call.params]
    roots = {call.symbol for call in calls} | {v.name for v in values if isinstance(v, Symbol)}
    operands = {n for call in calls for n in call.inputs if graph.is_constant(n)}
    flash = sum(_value_bytes(v) for v in values) + CALL_FLASH * len(calls)
    flash += sum(graph.tensor(n).nbytes for n in operands)
    cycles, code = variant.cost(graph, node).cycles, _closure(frozenset(roots))
    for inner in _body_options(calls):
        flash, code = flash + inner.flash, code | inner.code
    return Option(variant, calls, cycles, flash, code, variant.in_place(graph, node), variant.overlap(graph, node))


def _body_options(calls: Sequence[KernelCall]) -> Iterator[Option]:
    """What the kernels cost that the bodies of a node chose."""
    for plan in (body.plan for call in calls for body in call.bodies if body.plan):
        for step in plan.steps:
            if step.variant is not None:
                yield option_of(plan.graph, step.node, step.variant)


def _value_bytes(value: Any) -> int:
    """A parameter's bytes in flash on a 32-bit target: a word, and what a pointer points to."""
    if isinstance(value, Const):
        return 4 + -(-value.data.nbytes // 4) * 4
    if isinstance(value, Fields):
        return 4 * len(value.values)
    return 4 * len(value) if isinstance(value, tuple) else 4


@cache
def _closure(roots: frozenset[str]) -> frozenset[str]:
    reached: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += _code_sizes().get(name, {}).get("calls", [])
    return frozenset(reached)


@cache
def _code_sizes() -> Mapping[str, Any]:
    sizes: dict[str, Any] = json.loads((Path(__file__).parent / "code_sizes.json").read_text(encoding="utf-8"))
    return sizes
