"""Operators of two tensors with broadcasting: what those of several types have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from toolchain.graph import Array, Graph, Node
from toolchain.ops import elementwise
from toolchain.ops.base import (
    Constraint,
    FittedCost,
    KernelCall,
    KernelVariant,
    Op,
    PtqRule,
    TfliteOperator,
    TfliteRecord,
    Value,
    no_attrs,
)
from toolchain.ops.row_parts import same_rows

SUFFIXES = {"int8": "s8", "int16": "s16", "int32": "s32", "float32": "f32", "bool": "b"}
INT32_RANGE = (-(1 << 31), (1 << 31) - 1)
Fields = tuple[tuple[str, Value], ...]


@dataclass(frozen=True)
class Typed:
    """An operator on one type. ``combine`` makes the output of both inputs, whose ranks are equal.

    ``struct`` is the type of the kernel's parameters, ``fields`` those behind the loops; ``demand`` is what this type
    demands beyond what all do; ``second`` the type of the second input where it is another one.
    """

    combine: Callable[[Graph, Node, Array, Array], Array]
    struct: str = "nn_binary_params"
    fields: Callable[[Graph, Node], Fields] = lambda graph, node: ()
    demand: Constraint | None = None
    second: str = ""


# By operator and type: of a call, of each run of the innermost loop, and of each element.
_CYCLES: Mapping[str, Mapping[str, tuple[float, float, float]]] = {
    "sub": {
        "int8": (149.4, 32.98, 112.0),
        "int16": (178.0, 120.0, 95.0),
        "int32": (119.0, 13.0, 27.0),
        "float32": (158.0, 26.0, 26.0),
    },
    "squared_difference": {
        "int8": (148.0, 33.0, 116.0),
        "int16": (178.0, 120.0, 96.0),
        "int32": (115.0, 12.99, 19.0),
        "float32": (159.0, 26.0, 15.0),
    },
    "div": {"int8": (100.8, 25.75, 458.6), "int32": (118.0, 20.0, 35.0), "float32": (157.0, 26.0, 39.0)},
    "floor_div": {"float32": (157.0, 26.0, 842.5)},
    "floor_mod": {"float32": (157.0, 26.0, 132.5)},
    "maximum": {
        "int8": (116.0, 16.0, 20.0),
        "int16": (167.0, 24.0, 13.0),
        "int32": (116.0, 13.0, 20.0),
        "float32": (157.0, 26.0, 17.0),
    },
    "minimum": {
        "int8": (116.0, 16.0, 20.0),
        "int16": (167.0, 24.0, 13.0),
        "int32": (119.0, 13.0, 20.0),
        "float32": (157.0, 26.0, 17.0),
    },
    "equal": {
        "int8": (148.0, 33.0, 96.0),
        "int32": (116.0, 13.0, 20.0),
        "float32": (116.0, 13.0, 25.0),
        "bool": (115.0, 17.0, 20.0),
    },
    "not_equal": {
        "int8": (148.0, 33.0, 96.0),
        "int32": (116.0, 13.0, 20.0),
        "float32": (116.0, 13.0, 25.0),
        "bool": (115.0, 17.0, 20.0),
    },
    "greater": {"int8": (148.0, 33.0, 97.0), "int32": (116.0, 13.0, 21.0), "float32": (116.0, 13.0, 25.0)},
    "greater_equal": {"int8": (148.0, 33.0, 97.0), "int32": (116.0, 13.0, 21.0), "float32": (116.0, 13.0, 25.0)},
    "less": {"int8": (148.0, 33.0, 97.0), "int32": (116.0, 13.0, 21.0), "float32": (116.0, 12.99, 25.0)},
    "less_equal": {"int8": (148.0, 33.0, 97.0), "int32": (116.0, 13.0, 21.0), "float32": (116.0, 13.0, 25.0)},
    "logical_and": {"bool": (112.0, 16.0, 20.5)},
    "logical_or": {"bool": (112.0, 17.0, 21.0)},
    "prelu": {"int8": (149.5, 28.92, 55.25), "int16": (195.7, 59.91, 49.12), "float32": (159.0, 26.0, 17.0)},
}


def int32_range(activation: str) -> tuple[int, int]:
    """What a fused activation limits int32 numbers to."""
    low, high = INT32_RANGE
    return {"relu": (0, high), "relu6": (0, 6), "relu_n1_to_1": (-1, 1)}.get(activation, (low, high))


def dtype_of(graph: Graph, node: Node) -> str:
    return graph.tensor(node.inputs[0]).dtype


def simply(combine: Callable[[Array, Array], Array]) -> Typed:
    """For a type whose values need nothing else."""
    return Typed(lambda graph, node, a, b: combine(a, b))


def _variant(name: str, dtype: str, typed: Typed, file: str) -> KernelVariant:
    suffix = SUFFIXES[dtype]

    def lower(graph: Graph, node: Node) -> tuple[KernelCall, ...]:
        params = (*elementwise.loops(graph, node, elementwise.MOST_LOOPS), *typed.fields(graph, node))
        symbol = name if dtype == "bool" and name.startswith("nn_logical") else f"{name}_{suffix}"
        return (KernelCall(symbol, f"{file}.h", typed.struct, params, node.inputs, node.outputs),)

    return KernelVariant(
        name=f"portable_{suffix}",
        sources=(f"{file}.c",),
        lower=lower,
        cost=FittedCost(_CYCLES[name.removeprefix("nn_")][dtype], elementwise.runs_and_elements),
        supports=lambda g, n: dtype_of(g, n) == dtype,
        in_place=_in_place,
    )


def _in_place(graph: Graph, node: Node) -> tuple[int, ...]:
    """Inputs of the output's shape and type."""
    same = graph.tensor(node.outputs[0]).nbytes
    return tuple(i for i in elementwise.in_place(graph, node) if graph.tensor(node.inputs[i]).nbytes == same)


def _types_agree(types: Mapping[str, Typed], output: str) -> Constraint:
    def holds(graph: Graph, node: Node) -> bool:
        dtype = dtype_of(graph, node)
        wanted = output or dtype
        if dtype not in types or graph.tensor(node.outputs[0]).dtype != wanted:
            return False
        return graph.tensor(node.inputs[1]).dtype == (types[dtype].second or dtype)

    listed = ", ".join(types)
    made = f", its output {output}" if output else ""
    made += "".join(f", the second {typed.second} beside {dtype}" for dtype, typed in types.items() if typed.second)
    return Constraint(f"its inputs{'' if output else ' and output'} must be of one type of {listed}{made}", holds)


def _demand(dtype: str, demand: Constraint) -> Constraint:
    return Constraint(demand.sentence, lambda g, n: dtype_of(g, n) != dtype or demand.holds(g, n))


def operator(
    name: str,
    file: str,
    types: Mapping[str, Typed],
    *,
    output: str = "",
    table: str = "",
    version: int = 2,
    read: Callable[[TfliteOperator], Any] = no_attrs,
    fields: Callable[[Node], tuple[tuple[str, int], ...]] = lambda node: (),
    more: tuple[Constraint, ...] = (),
    ptq: PtqRule | None = None,
) -> Op:
    """The operator ``name`` with kernels ``nn_name_type`` in ``file``; ``output`` is its output's type if fixed."""
    builtin = name.upper()
    demands = tuple(_demand(dtype, typed.demand) for dtype, typed in types.items() if typed.demand)
    return Op(
        name=name,
        tflite=(builtin,),
        read=read,
        write=lambda g, n: TfliteRecord(builtin, n.inputs, version, table, fields(n)),
        ptq=ptq,
        reference=lambda g, n, inputs: [types[dtype_of(g, n)].combine(g, n, *elementwise.of_equal_rank(g, n, inputs))],
        constraints=(elementwise.SHAPES[0], _types_agree(types, output), elementwise.SHAPES[1], *more, *demands),
        rows=same_rows,
        variants=tuple(_variant(f"nn_{name}", dtype, typed, file) for dtype, typed in types.items()),
        codewise=lambda g, n: not output and dtype_of(g, n) == "int8" and elementwise.is_codewise(g, n),
    )
