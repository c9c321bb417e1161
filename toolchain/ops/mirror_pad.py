"""MIRROR_PAD, of any type: a border that repeats what lies inside, backwards."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, Op, PtqRule, TfliteOperator, TfliteRecord
from toolchain.ops.moves import SAME_TYPE, Loop, Move, constant_operands, few_loops, in_order, moving, steps_of
from toolchain.ops.pad import widths

_SYMMETRIC = 1  # schema.fbs, MirrorPadMode


@dataclass(frozen=True)
class MirrorAttrs:
    """``symmetric``: the outermost elements are repeated too."""

    symmetric: bool


def _read(op: TfliteOperator) -> MirrorAttrs:
    return MirrorAttrs(int(op.options.mode) == _SYMMETRIC)


def _reference(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    mode = "symmetric" if node.attrs.symmetric else "reflect"
    return [np.pad(inputs[0], ((0, 0), *widths(graph, node)), mode=mode)]  # type: ignore[call-overload]


def _parts(size: int, before: int, after: int, edge: int) -> list[tuple[int, int, int, int]]:
    """(turns, step, first element of the input, first of the output) of a dimension; ``edge`` is 0 or 1."""
    parts = [
        (before, -1, before - 1 + edge, 0),
        (size, 1, 0, before),
        (after, -1, size - 1 - edge, before + size),
    ]
    return [part for part in parts if part[0]]


def _moves(graph: Graph, node: Node) -> list[Move]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    edge = 0 if node.attrs.symmetric else 1
    dims = [_parts(n, a, b, edge) for n, (a, b) in zip(x.shape, widths(graph, node), strict=True)]
    steps = list(zip(steps_of(x.shape), steps_of(out.shape), strict=True))
    moves = []
    for region in itertools.product(*dims):
        loops = tuple(Loop(n, s * i, o) for (n, s, _, _), (i, o) in zip(region, steps, strict=True))
        first = sum(at * i for (_, _, at, _), (i, _) in zip(region, steps, strict=True))
        to = sum(at * o for (_, _, _, at), (_, o) in zip(region, steps, strict=True))
        moves.append(Move(x.name, out.name, loops, first, to))
    return moves


def _agree(graph: Graph, node: Node) -> bool:
    x, out, pads = graph.tensor(node.inputs[0]).shape, graph.tensor(node.outputs[0]).shape, widths(graph, node)
    edge = 0 if node.attrs.symmetric else 1
    if len(pads) != len(x) or any(not 0 <= p <= n - edge for n, pair in zip(x, pads, strict=True) for p in pair):
        return False
    return out == tuple(n + a + b for n, (a, b) in zip(x, pads, strict=True))


OPS = (
    Op(
        name="mirror_pad",
        tflite=("MIRROR_PAD",),
        read=_read,
        write=lambda g, n: TfliteRecord(
            "MIRROR_PAD", n.inputs, 2, "MirrorPadOptions", (("mode", int(n.attrs.symmetric)),)
        ),
        ptq=PtqRule(shared=True),
        reference=_reference,
        constraints=(
            SAME_TYPE,
            constant_operands(),
            Constraint("its paddings must be no wider than what they mirror and agree with its shapes", _agree),
            few_loops(_moves),
        ),
        copies=in_order(_moves),
        variants=(moving(_moves),),
    ),
)
