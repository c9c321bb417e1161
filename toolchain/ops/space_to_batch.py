"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND, of any type: every so many rows and columns become an image of their own.

The first pixel of block position (y, x) is in image number y * columns of a block + x; the images of a batch follow one
another in each position.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Constraint, KernelVariant, Op, PtqRule, Reference, TfliteRecord, no_attrs
from toolchain.ops.moves import (
    SAME_TYPE,
    Loop,
    Move,
    Moves,
    constant_operands,
    few_loops,
    in_order,
    moving,
    steps_of,
    whole_numbers,
)

MOST_PLACES = 256  # each is a call of the kernel
Pairs = list[tuple[int, int]]


def _block(graph: Graph, node: Node) -> tuple[int, ...]:
    return whole_numbers(graph, node.inputs[1])


def _borders(graph: Graph, node: Node) -> Pairs:
    """(before, after) of each dimension of the block: pads or crops."""
    numbers = whole_numbers(graph, node.inputs[2])
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _to_batch(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    block, out = _block(graph, node), graph.tensor(node.outputs[0])
    fill = _fill(graph, node) or 0
    rest = inputs[0].ndim - 2 - len(block)
    padded = np.pad(inputs[0], ((0, 0), (0, 0), *_borders(graph, node), *((0, 0),) * rest), constant_values=fill)
    places = [padded[_place(offset, block)] for offset in _offsets(block)]
    return [np.concatenate(places, axis=1).reshape(-1, *out.shape)]


def _place(offset: Sequence[int], block: Sequence[int]) -> tuple[slice, ...]:
    """Which elements of (samples, batch, ...) have this place in a block."""
    steps = (slice(first, None, step) for first, step in zip(offset, block, strict=True))
    return slice(None), slice(None), *steps


def _offsets(block: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(range(b) for b in block))


def _to_space(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    block, x, out = _block(graph, node), inputs[0], graph.tensor(node.outputs[0])
    batch, rest = out.shape[0], x.shape[2 + len(block) :]
    whole = np.zeros((len(x), batch, *(n * b for n, b in zip(x.shape[2:], block, strict=False)), *rest), x.dtype)
    for number, offset in enumerate(_offsets(block)):
        whole[_place(offset, block)] = x[:, number * batch : (number + 1) * batch]
    borders = zip(_borders(graph, node), whole.shape[2:], strict=False)
    kept = (slice(before, size - after) for (before, after), size in borders)
    index: tuple[slice, ...] = (slice(None), slice(None), *kept)
    return [whole[index]]


def _runs(size: int, many: int, block: int, border: int, offset: int) -> tuple[int, int, int]:
    """(first of ``many``, first of ``size``, turns) where number i is the element i * block + offset - border."""
    first = max(-(-(border - offset) // block), 0)
    last = min((size - 1 + border - offset) // block, many - 1)
    return first, first * block + offset - border, max(last - first + 1, 0)


def _moves(to_batch: bool) -> Moves:
    def moves(graph: Graph, node: Node) -> list[Move]:
        x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
        image, images = (x, out) if to_batch else (out, x)
        block, borders = _block(graph, node), _borders(graph, node)
        wide, narrow = steps_of(image.shape), steps_of(images.shape)
        made = []
        for number, offset in enumerate(_offsets(block)):
            loops = [Loop(image.shape[0], wide[0], narrow[0])]
            at_image, at_images = 0, number * image.shape[0] * narrow[0]
            for d, (b, (border, _), o) in enumerate(zip(block, borders, offset, strict=True), start=1):
                first, start, turns = _runs(image.shape[d], images.shape[d], b, border, o)
                loops.append(Loop(turns, b * wide[d], narrow[d]))
                at_image, at_images = at_image + start * wide[d], at_images + first * narrow[d]
            loops.append(Loop(wide[len(block)], 1, 1))
            if all(loop.turns for loop in loops):
                move = Move(x.name, out.name, tuple(loops), at_image, at_images)
                made.append(move if to_batch else move.turned())
        return made

    return moves


def _fill(graph: Graph, node: Node) -> int | None:
    """What the border becomes; None without one."""
    if not any(whole_numbers(graph, node.inputs[2])):
        return None
    out = graph.tensor(node.outputs[0])
    return out.zero_point if out.quant else 0


def _agree(graph: Graph, node: Node) -> bool:
    x, out = (graph.tensor(n).shape for n in (node.inputs[0], node.outputs[0]))
    image, images = (x, out) if node.op == "space_to_batch" else (out, x)
    block, borders = _block(graph, node), _borders(graph, node)
    if len(image) != len(images) or len(image) < len(block) + 1 or len(borders) != len(block) or min(block) < 1:
        return False
    if images[0] != image[0] * math.prod(block) or any(n < 0 for pair in borders for n in pair):
        return False
    for size, count, b, (before, after) in zip(image[1:], images[1:], block, borders, strict=False):
        if size + before + after != count * b:
            return False
    return image[1 + len(block) :] == images[1 + len(block) :]


def _few_places(graph: Graph, node: Node) -> bool:
    return math.prod(_block(graph, node)) <= MOST_PLACES


def _op(name: str, builtin: str, table: str, reference: Reference, variant: KernelVariant, moves: Moves) -> Op:
    few = few_loops(moves)
    return Op(
        name=name,
        tflite=(builtin,),
        read=no_attrs,
        write=lambda g, n: TfliteRecord(builtin, n.inputs, 2, table),
        ptq=PtqRule(shared=True),
        reference=reference,
        constraints=(
            SAME_TYPE,
            constant_operands(),
            Constraint("its block and borders must agree with its shapes", _agree),
            Constraint(f"its block must have at most {MOST_PLACES} places", _few_places),
            Constraint(few.sentence, lambda g, n: _few_places(g, n) and few.holds(g, n)),
        ),
        copies=in_order(moves),
        variants=(variant,),
    )


_BATCH, _SPACE = _moves(True), _moves(False)
OPS = (
    _op("space_to_batch", "SPACE_TO_BATCH_ND", "SpaceToBatchNDOptions", _to_batch, moving(_BATCH, _fill), _BATCH),
    _op("batch_to_space", "BATCH_TO_SPACE_ND", "BatchToSpaceNDOptions", _to_space, moving(_SPACE), _SPACE),
)
