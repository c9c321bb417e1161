"""Transposes between layouts, as converters from ONNX and PyTorch leave them."""

from __future__ import annotations

from support import make
from support.case import Operator, Seeded, TensorSpec

from graphs import Reducible, chain

A = (0.05, -3)
TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def turn(shape: tuple[int, ...], axes: tuple[int, ...], quant: make.Quant = A) -> Operator:
    out = make.act(tuple(shape[axis] for axis in axes), quant)
    return Operator("TRANSPOSE", (make.act(shape, quant), make.numbers(*axes)), (out,))


def _classifier() -> tuple[Operator, ...]:
    """Channels first, flattened: the columns of the layer take it as it is."""
    conv = make.conv2d("conv", (4, 5, 3), 6, (3, 3), x=A, out=A).operator
    back = turn((1, 4, 5, 6), TO_FIRST)
    flat = make.act((1, 120), A)
    dense = make.fully_connected("fc", (1, 120), 7, x=A).operator
    return (
        conv,
        Operator("TRANSPOSE", (conv.outputs[0], back.inputs[1]), back.outputs),
        Operator("RESHAPE", (back.outputs[0], make.numbers(1, 120)), (flat,)),
        Operator("FULLY_CONNECTED", (flat, *dense.inputs[1:]), dense.outputs, dense.options),
    )


def _sum(second: tuple[int, ...]) -> tuple[Operator, ...]:
    """ADD of two transposed images, and of what the second one's order makes of it."""
    x, y = turn((1, 3, 4, 5), TO_LAST), turn((1, 3, 4, 5), TO_LAST)
    total = make.act((1, 4, 5, 3), (0.11, 5))
    last = turn((1, 4, 5, 3), second, (0.11, 5))
    return (
        x,
        y,
        Operator("ADD", (x.outputs[0], y.outputs[0]), (total,), {"fusedActivationFunction": 1}),
        Operator("TRANSPOSE", (total, last.inputs[1]), last.outputs),
    )


def _scaled() -> tuple[Operator, ...]:
    """MUL by a number for each channel between two transposes that cancel."""
    x = turn((1, 3, 4, 5), TO_LAST)
    factors = make.act((3,), (0.02, 0), Seeded())
    product = make.act((1, 4, 5, 3), (0.09, 1))
    last = turn((1, 4, 5, 3), TO_FIRST, (0.09, 1))
    return (
        x,
        Operator("MUL", (x.outputs[0], factors), (product,), {"fusedActivationFunction": 0}),
        Operator("TRANSPOSE", (product, last.inputs[1]), last.outputs),
    )


def _mean(keep: bool) -> tuple[Operator, ...]:
    x = turn((1, 4, 5, 6), TO_FIRST)
    out = make.act((1, 6, 1, 1) if keep else (1, 6), (0.03, 2))
    return (x, Operator("MEAN", (x.outputs[0], make.numbers(2, 3)), (out,), {"keepDims": keep}))


def _shared() -> tuple[Operator, ...]:
    """A transpose that somebody else reads too stays where it is."""
    x = turn((1, 3, 4, 5), TO_LAST)
    low, high = make.act((1, 4, 5, 3), A), TensorSpec((1, 4, 5, 3), "int8", (0.09,), (1,))
    return (
        x,
        Operator("RELU", (x.outputs[0],), (low,)),
        Operator("QUANTIZE", (x.outputs[0],), (high,)),
    )


RELU = Operator("RELU", (make.act((1, 4, 5, 3), A),), (make.act((1, 4, 5, 3), (0.04, -9)),))
GRAPHS = (
    chain("there_and_back", "relu", turn((1, 3, 4, 5), TO_LAST), RELU, turn((1, 4, 5, 3), TO_FIRST, (0.04, -9))),
    chain("two_in_a_row", "transpose", turn((1, 3, 4, 5), TO_LAST), turn((1, 4, 5, 3), (0, 2, 1, 3))),
    chain("only_ones_move", "reshape", turn((1, 1, 4, 5), TO_LAST)),
    chain("behind_a_rescaling", "relu transpose", turn((1, 3, 4, 5), TO_LAST), RELU),
    Reducible("classifier_channels_first", _classifier(), ("conv2d", "reshape", "fully_connected")),
    Reducible("sum_there_and_back", _sum(TO_FIRST), ("add",)),
    Reducible("sum_there", _sum((0, 1, 2, 3)), ("add", "transpose")),
    Reducible("product_of_channels", _scaled(), ("mul",)),
    Reducible("mean_channels_first", _mean(keep=False), ("mean",)),
    Reducible("mean_with_dimensions", _mean(keep=True), ("mean", "reshape")),
    Reducible("shared_transpose", _shared(), ("transpose", "relu", "quantize")),
)
