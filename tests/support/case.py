"""A case is one operator with its tensors and options, as data; inputs and constants come from seeded generators."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.graph import Graph, Tensor

Array = npt.NDArray[Any]

RANDOM_SETS = 4


@dataclass(frozen=True)
class Seeded:
    """Constant data: uniform integers from ``low`` to ``high``, both included."""

    low: int = -127
    high: int = 127


@dataclass(frozen=True)
class Choice:
    """Constant data: every element is one of ``values``, drawn by a seeded generator."""

    values: tuple[int, ...]


@dataclass(frozen=True)
class Exact:
    """Constant data, element by element."""

    values: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class TensorSpec:
    """A tensor. One ``scale`` or one for each index of ``axis``; none for a tensor that is not quantized.

    ``data`` makes it a constant. One object used in two places is one tensor.
    """

    shape: tuple[int, ...]
    dtype: str = "int8"
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    axis: int = 0
    data: Seeded | Choice | Exact | None = None
    name: str = ""


@dataclass(frozen=True, eq=False)
class Operator:
    """One TFLite operator by its builtin name. ``options`` are fields of its options table in ``schema.fbs``."""

    builtin: str
    inputs: tuple[TensorSpec | None, ...]
    outputs: tuple[TensorSpec, ...]
    options: Mapping[str, int | float | tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Case:
    """One operator to be proved. ``values``: inputs of its own for each float input, beside the generated ones.

    Only the first ``oracle_sets`` input sets, when given, are within what TFLM itself defines.
    """

    id: str
    operator: Operator
    values: tuple[float, ...] = ()
    oracle_sets: int | None = None


def constant_data(spec: TensorSpec, seed: str) -> Array:
    """The data of a constant; the same ``seed`` gives the same data."""
    size = int(np.prod(spec.shape, dtype=np.int64))
    rng = np.random.default_rng(zlib.crc32(seed.encode()))
    if isinstance(spec.data, Seeded):
        flat = rng.integers(spec.data.low, spec.data.high, size, endpoint=True)
    elif isinstance(spec.data, Choice):
        flat = rng.choice(np.array(spec.data.values), size)
    else:
        assert spec.data is not None
        flat = np.array(spec.data.values)
    return flat.astype(spec.dtype).reshape(spec.shape)


def input_sets(graph: Graph, seed: str, values: Sequence[float] = ()) -> list[Array]:
    """An array (samples, *shape) for each input of the graph.

    int8: random over the full range, all -128, all 127, alternating extremes both ways round, all zero point.
    float32: around the output's range, and ``values`` over and over.
    """
    rng = np.random.default_rng(zlib.crc32(seed.encode()))
    out = graph.tensor(graph.outputs[0])
    tensors = [graph.tensor(n) for n in graph.inputs]
    return [
        _float_sets(t, rng, 128 * out.scale, values) if t.dtype == "float32" else _code_sets(t, rng, k)
        for k, t in enumerate(tensors)
    ]


def _code_sets(tensor: Tensor, rng: np.random.Generator, k: int) -> Array:
    n = tensor.size
    alternating = np.where((np.arange(n) + k) % 2 == 0, -128, 127)
    rows = [rng.integers(-128, 128, n) for _ in range(RANDOM_SETS)]
    rows += [np.full(n, -128), np.full(n, 127), alternating, -1 - alternating]
    rows += [np.full(n, tensor.zero_point)]
    return np.stack(rows).astype(np.int8).reshape(-1, *tensor.shape)


def _float_sets(tensor: Tensor, rng: np.random.Generator, reach: float, values: Sequence[float]) -> Array:
    n = tensor.size
    rows = [rng.uniform(-1.5 * reach, 1.5 * reach, n) for _ in range(RANDOM_SETS)]
    cycle = np.resize(np.array(values or (0.0,), np.float64), -(-max(len(values), 1) // n) * n)
    rows += list(cycle.reshape(-1, n))
    return np.stack(rows).astype(np.float32).reshape(-1, *tensor.shape)
