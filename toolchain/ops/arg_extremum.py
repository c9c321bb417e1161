"""ARG_MAX and ARG_MIN along one axis: the first place of the extreme value, as int32.

As in TFLM, a NaN is neither above nor below anything: one at the first place stays, others are passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops import reduced
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteRecord,
    no_attrs,
)
from toolchain.ops.common import constant, elements

_INT32 = 2  # schema.fbs, TensorType


def _axis(graph: Graph, node: Node) -> int:
    return int(constant(graph, node.inputs[1]).reshape(-1)[0]) % len(graph.tensor(node.inputs[0]).shape)


def _dimensions(graph: Graph, node: Node) -> tuple[int, int, int]:
    """(outer, count, inner): the search is along the middle one."""
    shape, axis = graph.tensor(node.inputs[0]).shape, _axis(graph, node)
    return elements(shape[:axis]), shape[axis], elements(shape[axis + 1 :])


def _reference(better: Callable[[Array, Array], Array], graph: Graph, node: Node, inputs: Sequence[Array]) -> Array:
    values = reduced.lines(graph, node, inputs[0])
    best, place = values[..., 0], np.zeros(values.shape[:-1], np.int32)
    for k in range(1, values.shape[-1]):
        found = better(values[..., k], best)
        best, place = np.where(found, values[..., k], best), np.where(found, np.int32(k), place)
    return place.reshape(-1, *graph.tensor(node.outputs[0]).shape)


def _lower(symbol: str, graph: Graph, node: Node) -> tuple[KernelCall, ...]:
    params = tuple(zip(("outer", "count", "inner"), _dimensions(graph, node), strict=True))
    header = "nn_arg_extremum"
    return (KernelCall(symbol, f"{header}.h", f"{header}_params", params, node.inputs[:1], node.outputs),)


def _terms(graph: Graph, node: Node) -> tuple[float, ...]:
    """The call, outer elements, outputs, elements."""
    outer, count, inner = _dimensions(graph, node)
    return 1.0, float(outer), float(outer * inner), float(outer * count * inner)


def _variant(name: str, dtype: str, cycles: tuple[float, float, float, float]) -> KernelVariant:
    suffix = reduced.SUFFIXES[dtype]
    return KernelVariant(
        name=f"portable_{suffix}",
        sources=("nn_arg_extremum.c",),
        lower=lambda g, n: _lower(f"nn_{name}_{suffix}", g, n),
        cost=FittedCost(cycles, _terms),
        supports=lambda g, n: g.tensor(n.inputs[0]).dtype == dtype,
    )


def _types(graph: Graph, node: Node) -> bool:
    return graph.tensor(node.inputs[0]).dtype in ("int8", "float32") and graph.tensor(node.outputs[0]).dtype == "int32"


def _one_axis(graph: Graph, node: Node) -> bool:
    axis = graph.tensor(node.inputs[1])
    return axis.data is not None and axis.size == 1 and axis.dtype == "int32"


def _op(name: str, better: Callable[[Array, Array], Array]) -> Op:
    builtin = name.upper()
    table = {"arg_max": "ArgMaxOptions", "arg_min": "ArgMinOptions"}[name]
    return Op(
        name=name,
        tflite=(builtin,),
        read=no_attrs,
        write=lambda g, n: TfliteRecord(builtin, n.inputs, 2, table, (("outputType", _INT32),)),
        ptq=PtqRule(),
        reference=lambda g, n, inputs: [_reference(better, g, n, inputs)],
        constraints=(
            Constraint("its input must be int8 or float32, its output int32", _types),
            Constraint("its axis must be one constant int32", _one_axis),
            reduced.EXISTING,
            reduced.LEFT,
        ),
        variants=(
            _variant(name, "int8", (36.0, 10.0, 1.0, 13.0)),
            _variant(name, "float32", (32.0, 11.0, 1.0, 14.0)),
        ),
    )


OPS = (_op("arg_max", np.greater), _op("arg_min", np.less))
