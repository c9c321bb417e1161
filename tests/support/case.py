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
TFLM, TFLITE = "tflm", "tflite"


@dataclass(frozen=True)
class Seeded:
    """Constant data: uniform integers from ``low`` to ``high``, both included."""

    low: int = -127
    high: int = 127


@dataclass(frozen=True)
class Real:
    """Constant data: normally distributed real numbers; ``rounded`` to values of float16 or bfloat16."""

    scale: float = 0.3
    rounded: str = ""


@dataclass(frozen=True)
class Choice:
    """Constant data: every element is one of ``values``, drawn by a seeded generator.

    With ``group`` each so many indices of the axis have values of their own, by 3 larger than those before; after four
    groups these come again.
    """

    values: tuple[int, ...]
    group: int = 0


@dataclass(frozen=True)
class Sparse:
    """Constant data: each four elements in order are zero, but for so many of a hundred, which are uniform integers."""

    kept: int


@dataclass(frozen=True)
class Exact:
    """Constant data, element by element."""

    values: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class TensorSpec:
    """A tensor. One ``scale`` or one for each index of ``axis``; none for a tensor that is not quantized.

    ``data`` makes it a constant, ``variable`` what lasts between inferences. One object used in two places is one
    tensor.
    """

    shape: tuple[int, ...]
    dtype: str = "int8"
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    axis: int = 0
    data: Seeded | Real | Choice | Sparse | Exact | None = None
    name: str = ""
    variable: bool = False


@dataclass(frozen=True, eq=False)
class Operator:
    """One TFLite operator by its builtin name. ``options`` are fields of its options table in ``schema.fbs``.

    A custom operator is called ``CUSTOM`` and its name; its options are the numbers in its map.
    """

    builtin: str
    inputs: tuple[TensorSpec | None, ...]
    outputs: tuple[TensorSpec, ...]
    options: Mapping[str, int | float | str | tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Subgraph:
    """Another subgraph of the file; options of operators name them by number, the first one is 1."""

    inputs: tuple[TensorSpec, ...]
    operators: tuple[Operator, ...]
    outputs: tuple[TensorSpec, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """One operator to be proved. ``values``: inputs of its own for each float input, beside the generated ones.

    ``positions``: the lowest and the highest number of its int32 inputs.
    Only the first ``oracle_sets`` input sets, when given, are within what TFLM itself defines.
    ``before``: operators in front of it. With state the input sets are inferences one after the other.
    ``oracle`` has the right outputs: TensorFlow Lite's own reference kernels where TFLM lacks the operator, or reads
    what nobody has set. Where it calls the C library, float outputs are within ``ulps`` units in the last place of its,
    or within ``error`` where it loses digits itself.
    """

    id: str
    operator: Operator
    values: tuple[float, ...] = ()
    positions: tuple[int, int] | None = None
    oracle_sets: int | None = None
    oracle: str = TFLM
    before: tuple[Operator, ...] = ()
    ulps: int = 0
    error: float = 0.0
    subgraphs: tuple[Subgraph, ...] = ()


def constant_data(spec: TensorSpec, seed: str) -> Array:
    """The data of a constant; the same ``seed`` gives the same data."""
    size = int(np.prod(spec.shape, dtype=np.int64))
    rng = np.random.default_rng(zlib.crc32(seed.encode()))
    if isinstance(spec.data, Seeded):
        flat = rng.integers(spec.data.low, spec.data.high, size, endpoint=True)
    elif isinstance(spec.data, Real):
        flat = _rounded(rng.normal(0.0, spec.data.scale, size).astype(np.float32), spec.data.rounded)
    elif isinstance(spec.data, Choice):
        flat = rng.choice(np.array(spec.data.values), size)
        if spec.data.group:
            groups = np.arange(spec.shape[spec.axis]) // spec.data.group % 4
            sizes = [-1 if axis == spec.axis else 1 for axis in range(len(spec.shape))]
            flat = (flat.reshape(spec.shape) + 3 * groups.reshape(sizes)).reshape(-1)
    elif isinstance(spec.data, Sparse):
        fours = rng.integers(-127, 127, (-(-size // 4), 4), endpoint=True)
        flat = (fours * (rng.integers(0, 100, (len(fours), 1)) < spec.data.kept)).reshape(-1)[:size]
    else:
        assert spec.data is not None
        flat = np.array(spec.data.values)
    return flat.astype(spec.dtype).reshape(spec.shape)


def _rounded(x: Array, to: str) -> Array:
    """The nearest float16 (subnormal ones among them), or the bfloat16 below in magnitude."""
    if to == "float16":
        return (x * np.float32(2.0) ** (np.arange(x.size) % 3 * -9)).astype(np.float16).astype(np.float32)
    if to == "bfloat16":
        bits: Array = x.view(np.uint32) & np.uint32(0xFFFF0000)
        return bits.view(np.float32)
    return x


def input_sets(
    graph: Graph, seed: str, values: Sequence[float] = (), positions: tuple[int, int] | None = None
) -> list[Array]:
    """An array (samples, *shape) for each input of the graph.

    Integers: random over the full range, all lowest, all highest, alternating extremes both ways round, all zero
    point; int32 ones within ``positions``.
    float32: around the output's range, and ``values`` over and over; into a float operator, of all magnitudes too.
    """
    rng = np.random.default_rng(zlib.crc32(seed.encode()))
    out = graph.tensor(graph.outputs[0])
    tensors = [graph.tensor(n) for n in graph.inputs]
    sets = [_sets(t, rng, k, out, values, positions) for k, t in enumerate(tensors)]
    most = max(map(len, sets), default=1)
    return [np.resize(rows, (most, *rows.shape[1:])) for rows in sets]


def _sets(
    tensor: Tensor,
    rng: np.random.Generator,
    k: int,
    out: Tensor,
    values: Sequence[float],
    positions: tuple[int, int] | None,
) -> Array:
    """The sets of input number ``k``."""
    if tensor.dtype in ("uint32", "uint64"):
        return _unsigned_sets(tensor, rng)
    if tensor.dtype != "float32":
        return _code_sets(tensor, rng, k, positions if tensor.dtype == "int32" else None)
    if out.quant is None:
        return _real_sets(tensor, rng, values)
    return _float_sets(tensor, rng, -np.iinfo(out.dtype).min * out.scale, values)


def _code_sets(tensor: Tensor, rng: np.random.Generator, k: int, limits: tuple[int, int] | None) -> Array:
    n = tensor.size
    low, high = limits or _limits(tensor.dtype)
    alternating = np.where((np.arange(n) + k) % 2 == 0, low, high)
    rows = [rng.integers(low, high + 1, n) for _ in range(RANDOM_SETS)]
    rows += [np.full(n, low), np.full(n, high), alternating, low + high - alternating]
    rows += [np.full(n, tensor.zero_point if tensor.quant else low)]
    return np.stack(rows).astype(tensor.dtype).reshape(-1, *tensor.shape)


def _unsigned_sets(tensor: Tensor, rng: np.random.Generator) -> Array:
    """Of all magnitudes, lowest, highest, and the highest of each number of bits one after the other."""
    bits, n = np.iinfo(tensor.dtype).bits, tensor.size
    rows = [[int(2.0 ** rng.uniform(0, bits)) % (1 << bits) for _ in range(n)] for _ in range(2 * RANDOM_SETS - 2)]
    rows += [[0] * n, [(1 << bits) - 1] * n, [(1 << (i % bits + 1)) - 1 for i in range(n)]]
    sets: Array = np.array(rows, tensor.dtype).reshape(-1, *tensor.shape)
    return sets


def _limits(dtype: str) -> tuple[int, int]:
    if dtype == "bool":
        return 0, 1
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


def _float_sets(tensor: Tensor, rng: np.random.Generator, reach: float, values: Sequence[float]) -> Array:
    n = tensor.size
    rows = [rng.uniform(-1.5 * reach, 1.5 * reach, n) for _ in range(RANDOM_SETS)]
    cycle = np.resize(np.array(values or (0.0,), np.float64), -(-max(len(values), 1) // n) * n)
    rows += list(cycle.reshape(-1, n))
    return np.stack(rows).astype(np.float32).reshape(-1, *tensor.shape)


def _real_sets(tensor: Tensor, rng: np.random.Generator, values: Sequence[float]) -> Array:
    """Around 0, of magnitudes from the subnormal to 1e12, -0.0 with 0.0, and ``values``; no product overflows."""
    n = tensor.size
    rows = [rng.uniform(-4.0, 4.0, n) for _ in range(RANDOM_SETS - 1)]
    rows += [rng.choice((-1.0, 1.0), n) * 10.0 ** rng.uniform(-42.0, 12.0, n)]
    rows += [rng.choice((0.0, -0.0), n)]
    cycle = np.resize(np.array(values or (1.0,), np.float64), -(-max(len(values), 1) // n) * n)
    rows += list(cycle.reshape(-1, n))
    return np.stack(rows).astype(np.float32).reshape(-1, *tensor.shape)
