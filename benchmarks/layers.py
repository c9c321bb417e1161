"""Layers of any operator, as the importer reads them from a file: with several outputs, states, own options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.shapes import QUANT, Quant, Shape
from toolchain.flexbuffer import write_map
from toolchain.graph import Array, Graph, Node, QuantParams, Tensor
from toolchain.ops import by_tflite_name, registry
from toolchain.ops.base import TfliteOperator, unmet
from toolchain.passes.by_type import for_type

_SHORT = {"int8": "s8", "int16": "s16", "int32": "s32", "float32": "f32"}
Dims = tuple[int, ...]


def tensor(shape: Dims, dtype: str = "int8", quant: Quant | None = QUANT) -> Tensor:
    """A variable; of int16 256 times as fine, and without quantization where the type has none."""
    if quant is None or dtype not in ("int8", "uint8", "int16"):
        return Tensor("", shape, dtype)
    scale, zero = (quant[0] / 256, 0) if dtype == "int16" else quant
    return Tensor("", shape, dtype, QuantParams((float(np.float32(scale)),), (zero,)))


def scaled(shape: Dims, dtype: str, scale: float, zero_point: int = 0) -> Tensor:
    """A variable of just this quantization."""
    return Tensor("", shape, dtype, QuantParams((float(np.float32(scale)),), (zero_point,)))


def integers(*values: int) -> Tensor:
    """A constant vector of int32."""
    return Tensor("", (len(values),), "int32", data=np.array(values, np.int32))


def integer(value: int) -> Tensor:
    return Tensor("", (), "int32", data=np.array(value, np.int32))


def filled(like: Tensor, low: int = -127, high: int = 127) -> Tensor:
    """``like`` as a constant: of whole numbers, or of their 64th parts if it is float32."""
    data: Array = np.random.default_rng(0).integers(low, high, like.shape, endpoint=True)
    return replace(like, data=(data / 64 if like.dtype == "float32" else data).astype(like.dtype))


def state(like: Tensor) -> Tensor:
    """``like`` as what lasts between inferences."""
    return replace(like, initial=np.zeros(like.shape, like.dtype))


def layer(
    builtin: str,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    remark: str = "",
    /,
    **options: Any,
) -> Shape:
    """The operator ``builtin``; ``remark`` tells apart what types and shapes do not.

    ``positive`` among the options is of the inputs.

    Raises ValueError for what mcuforge does not support.
    """
    op, positive = by_tflite_name()[builtin], bool(options.pop("positive", False))
    name = f"{builtin.removeprefix('CUSTOM ')} {_text(inputs)} to {_text(outputs)}" + (f", {remark}" if remark else "")
    packed = write_map(options) if builtin.startswith("CUSTOM ") else SimpleNamespace(**options)
    view = TfliteOperator(builtin, packed, tuple(inputs), tuple(outputs))
    attrs = op.read(view)
    operands: list[Tensor | None] = list(inputs)
    if op.order is not None:
        operands = [operands[i] for i in op.order if i < len(operands)]
    operands += [Tensor("", s.shape, str(s.dtype), initial=s) for s in op.states(view, attrs)]
    ins = tuple("" if t is None else f"{name}/in{i}" for i, t in enumerate(operands))
    outs = tuple(f"{name}/out{i}" for i in range(len(outputs)))
    named = [(n, t) for n, t in zip((*ins, *outs), (*operands, *outputs), strict=True) if t is not None]
    tensors = {n: replace(t, name=n) for n, t in named}
    given = tuple(n for n in ins if n and tensors[n].data is None and tensors[n].initial is None)
    node = Node(op.name, op.name, ins, outs, attrs)
    node = for_type(Graph(name, tensors, (node,), given, outs), node)
    graph = Graph(name, tensors, (replace(node, name=node.op),), given, outs)
    if sentences := unmet(registry()[node.op], graph, node):
        raise ValueError(f"{name}: {'; '.join(sentences)}")
    return Shape(name, graph, positive)


def _text(tensors: Sequence[Tensor | None]) -> str:
    """Types and shapes of what is no constant, and how many of the same there are."""
    variables = [t for t in tensors if t is not None and t.data is None and t.initial is None]
    shown = [f"{_SHORT.get(t.dtype, t.dtype)} {'x'.join(map(str, t.shape)) or '1'}" for t in variables]
    counts = {text: shown.count(text) for text in shown}
    return ", ".join(f"{n} of {text}" if n > 1 else text for text, n in counts.items())
