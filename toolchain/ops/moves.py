"""Operators that only put elements somewhere else: nested loops of copies, whatever the type of the elements.

TFLM's kernels of these operators copy codes and never rescale them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, FittedCost, KernelCall, KernelVariant, Value
from toolchain.ops.common import SHORT, SINGLE, constant, copies_cycles, elements

MOST_LOOPS = 6  # NN_MOVE_LOOPS
FILL_CYCLES = (70.9, 0.561, 13.83)


@dataclass(frozen=True)
class Loop:
    """So many turns, each one a step farther in the source and in the target; steps are in elements."""

    turns: int
    in_step: int
    out_step: int


@dataclass(frozen=True)
class Move:
    """Elements of ``source`` put into ``target`` by nested ``loops``, the innermost last, from these elements on."""

    source: str
    target: str
    loops: tuple[Loop, ...]
    in_offset: int = 0
    out_offset: int = 0

    def turned(self) -> Move:
        """The way back, of as many elements between the same tensors."""
        loops = tuple(Loop(loop.turns, loop.out_step, loop.in_step) for loop in self.loops)
        return Move(self.source, self.target, loops, self.out_offset, self.in_offset)


Moves = Callable[[Graph, Node], Sequence[Move]]
Fill = Callable[[Graph, Node], int | None]  # with which code; None where the moves reach all of the output


def steps_of(shape: Sequence[int]) -> tuple[int, ...]:
    """How many elements apart neighbours are in each dimension."""
    return tuple(elements(tuple(shape[d + 1 :])) for d in range(len(shape)))


def loops_over(turns: Iterable[int], in_steps: Iterable[int], out_steps: Iterable[int]) -> tuple[Loop, ...]:
    return tuple(Loop(*each) for each in zip(turns, in_steps, out_steps, strict=True))


def joined(loops: Iterable[Loop]) -> tuple[Loop, ...]:
    """The fewest loops that do the same in the same order."""
    result: list[Loop] = []
    for loop in loops:
        if loop.turns == 1:
            continue
        outer = result[-1] if result else None
        if outer and (outer.in_step, outer.out_step) == (loop.turns * loop.in_step, loop.turns * loop.out_step):
            result[-1] = Loop(outer.turns * loop.turns, loop.in_step, loop.out_step)
        else:
            result.append(loop)
    return tuple(result)


def pieces(move: Move) -> tuple[tuple[Loop, ...], int]:
    """(loops, elements of a piece): what lies together in both tensors is copied in one piece."""
    loops = joined(move.loops)
    if loops and (loops[-1].in_step, loops[-1].out_step) == (1, 1):
        return loops[:-1], loops[-1].turns
    return loops, 1


def _call(graph: Graph, node: Node, move: Move) -> KernelCall:
    item = np.dtype(graph.tensor(move.source).dtype).itemsize
    loops, size = pieces(move)
    loops = (Loop(1, 0, 0),) * (MOST_LOOPS - len(loops)) + loops
    params: tuple[tuple[str, Value], ...] = (
        ("turns", tuple(loop.turns for loop in loops)),
        ("in_step", tuple(loop.in_step * item for loop in loops)),
        ("out_step", tuple(loop.out_step * item for loop in loops)),
        ("in_offset", move.in_offset * item),
        ("out_offset", move.out_offset * item),
        ("size", size * item),
    )
    return KernelCall("nn_move", "nn_move.h", "nn_move_params", params, (move.source,), (move.target,))


def never(graph: Graph, node: Node) -> None:
    return None


def filling(graph: Graph, node: Node, code: int = 0) -> KernelCall:
    """The whole output filled with ``code``; of float32 with 0.0."""
    out = graph.tensor(node.outputs[0])
    item = np.dtype(out.dtype).itemsize
    params = (("count", out.size), ("size", item), ("value", code % (1 << 8 * item)))
    return KernelCall("nn_fill", "nn_fill.h", "nn_fill_params", params, (), node.outputs)


def fill_terms(graph: Graph, node: Node) -> tuple[float, float, float]:
    """The call that fills the output; bytes that memset sets, and such that are set one by one."""
    out = graph.tensor(node.outputs[0])
    single = np.dtype(out.dtype).itemsize == 1
    return 1.0, float(out.nbytes if single else 0), float(0 if single else out.nbytes)


def moving(moves: Moves, fill: Fill = never) -> KernelVariant:
    """The kernels of an operator that is nothing but ``moves``; before them the output is filled with a code."""

    def terms(graph: Graph, node: Node) -> tuple[float, ...]:
        filled = fill_terms(graph, node) if fill(graph, node) is not None else (0.0, 0.0, 0.0)
        return *_terms(graph, moves(graph, node)), *filled

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        code = fill(graph, node)
        start = () if code is None else (filling(graph, node, code),)
        return *start, *(_call(graph, node, move) for move in moves(graph, node))

    return KernelVariant(
        name="portable",
        sources=("nn_move.c",) if fill is never else ("nn_move.c", "nn_fill.c"),
        lower=lower,
        cost=FittedCost((118.6, 45.62, 9.96, 9.721, 9.85, 1.934, 7.976, 0.99, *FILL_CYCLES), terms),
    )


def _terms(graph: Graph, moves: Sequence[Move]) -> tuple[float, ...]:
    """Calls, lines, single elements of one, two and four bytes; short pieces, others, and what copying takes."""
    lines = short = longer = 0
    singles, copied = dict.fromkeys(SINGLE, 0), 0.0
    for move in moves:
        loops, size = pieces(move)
        item = np.dtype(graph.tensor(move.source).dtype).itemsize
        count = elements(tuple(loop.turns for loop in loops))
        lines += elements(tuple(loop.turns for loop in loops[:-1]))
        if size * item in SINGLE:
            singles[size * item] += count
            continue
        short += count if size * item in SHORT else 0
        longer += 0 if size * item in SHORT else count
        copied += copies_cycles(size * item, *_addresses(move, loops, item))
    return float(len(moves)), float(lines), *map(float, (*singles.values(), short, longer)), copied


def _addresses(move: Move, loops: Sequence[Loop], item: int) -> tuple[Array, Array]:
    """Where each piece begins in the source and in the target, of their bytes."""
    sources, targets = np.array([move.in_offset * item]), np.array([move.out_offset * item])
    for loop in loops:
        turns = np.arange(loop.turns) * item
        sources = (sources[:, None] + turns * loop.in_step).reshape(-1)
        targets = (targets[:, None] + turns * loop.out_step).reshape(-1)
    return sources, targets


def in_order(moves: Moves) -> Callable[[Graph, Node], bool]:
    """Predicate (``Op.copies``): all of the input stays in its order, as where only dimensions of 1 are permuted."""

    def holds(graph: Graph, node: Node) -> bool:
        made = moves(graph, node)
        if len(made) != 1 or len(node.outputs) != 1:
            return False
        loops, size = pieces(made[0])
        whole = size == graph.tensor(made[0].source).size == graph.tensor(made[0].target).size
        return whole and not loops and (made[0].in_offset, made[0].out_offset) == (0, 0)

    return holds


def few_loops(moves: Moves) -> Constraint:
    return Constraint(
        f"its elements must be reached by at most {MOST_LOOPS} nested loops",
        lambda g, n: all(len(pieces(move)[0]) <= MOST_LOOPS for move in moves(g, n)),
    )


def one_type(graph: Graph, node: Node) -> bool:
    """The first input and all outputs have one type."""
    return len({graph.tensor(n).dtype for n in (*node.inputs[:1], *node.outputs)}) == 1


SAME_TYPE = Constraint("its input and outputs must be of one type", one_type)


def constant_operands(first: int = 1) -> Constraint:
    """Inputs from number ``first`` on are constants."""
    return Constraint(
        "its operands other than the tensor that is moved must be constants",
        lambda g, n: all(g.is_constant(name) for name in n.inputs[first:] if name),
    )


def whole_numbers(graph: Graph, name: str) -> tuple[int, ...]:
    """The elements of a constant vector or scalar."""
    return tuple(int(v) for v in constant(graph, name).reshape(-1))
