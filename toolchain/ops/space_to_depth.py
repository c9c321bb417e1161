"""SPACE_TO_DEPTH and DEPTH_TO_SPACE, of any type: blocks of pixels become channels, and channels blocks of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import Constraint, Op, PtqRule, TfliteOperator, TfliteRecord
from toolchain.ops.moves import SAME_TYPE, Move, few_loops, in_order, loops_over, moving, steps_of


@dataclass(frozen=True)
class BlockAttrs:
    block: int


def _read(op: TfliteOperator) -> BlockAttrs:
    return BlockAttrs(int(op.options.blockSize))


def _split(image: Tensor, block: int) -> tuple[int, ...]:
    """The image's dimensions (batch, rows of blocks, rows of a block, columns of blocks, columns, channels)."""
    batch, height, width, channels = image.shape
    return batch, height // block, block, width // block, block, channels


_ORDER = (0, 1, 3, 2, 4, 5)  # both ways round


def _to_depth(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    blocks = inputs[0].reshape(-1, *_split(x, node.attrs.block))
    return [blocks.transpose(0, *(d + 1 for d in _ORDER)).reshape(-1, *out.shape)]


def _to_space(graph: Graph, node: Node, inputs: Sequence[Array]) -> list[Array]:
    out = graph.tensor(node.outputs[0])
    shape = _split(out, node.attrs.block)
    blocks = inputs[0].reshape(-1, *(shape[d] for d in _ORDER))
    return [blocks.transpose(0, *(d + 1 for d in _ORDER)).reshape(-1, *out.shape)]


def _depth_moves(graph: Graph, node: Node) -> tuple[Move, ...]:
    shape = _split(graph.tensor(node.inputs[0]), node.attrs.block)
    turns, steps = [shape[d] for d in _ORDER], steps_of(shape)
    return (Move(node.inputs[0], node.outputs[0], loops_over(turns, (steps[d] for d in _ORDER), steps_of(turns))),)


def _space_moves(graph: Graph, node: Node) -> tuple[Move, ...]:
    shape = _split(graph.tensor(node.outputs[0]), node.attrs.block)
    steps = steps_of([shape[d] for d in _ORDER])
    return (Move(node.inputs[0], node.outputs[0], loops_over(shape, (steps[d] for d in _ORDER), steps_of(shape))),)


def _agree(image: Tensor, deep: Tensor, block: int) -> bool:
    batch, height, width, channels = image.shape
    if block < 1 or height % block or width % block:
        return False
    return deep.shape == (batch, height // block, width // block, channels * block * block)


AGREE = "its block must divide the image, and its shapes must agree with it"


OPS = (
    Op(
        name="space_to_depth",
        tflite=("SPACE_TO_DEPTH",),
        read=_read,
        write=lambda g, n: TfliteRecord(
            "SPACE_TO_DEPTH", n.inputs, 2, "SpaceToDepthOptions", (("blockSize", n.attrs.block),)
        ),
        ptq=PtqRule(shared=True),
        reference=_to_depth,
        constraints=(
            SAME_TYPE,
            Constraint(AGREE, lambda g, n: _agree(g.tensor(n.inputs[0]), g.tensor(n.outputs[0]), n.attrs.block)),
            few_loops(_depth_moves),
        ),
        copies=in_order(_depth_moves),
        variants=(moving(_depth_moves),),
    ),
    Op(
        name="depth_to_space",
        tflite=("DEPTH_TO_SPACE",),
        read=_read,
        write=lambda g, n: TfliteRecord(
            "DEPTH_TO_SPACE", n.inputs, 2, "DepthToSpaceOptions", (("blockSize", n.attrs.block),)
        ),
        ptq=PtqRule(shared=True),
        reference=_to_space,
        constraints=(
            SAME_TYPE,
            Constraint(AGREE, lambda g, n: _agree(g.tensor(n.outputs[0]), g.tensor(n.inputs[0]), n.attrs.block)),
            few_loops(_space_moves),
        ),
        copies=in_order(_space_moves),
        variants=(moving(_space_moves),),
    ),
)
