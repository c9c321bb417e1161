"""Cases as graphs with their inputs and expected outputs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np

from support.case import TFLM, Array, Case, input_sets
from support.flatbuffer import case_model
from support.oracle import run_tflite, run_tflm
from toolchain.graph import Graph
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import clean
from toolchain.passes.by_type import for_types
from toolchain.reference import run
from toolchain.verify import check_graph, check_supported


@functools.cache
def case_content(case: Case) -> bytes:
    """The case's ``.tflite`` file."""
    return case_model(case)


def read_case(content: bytes, name: str) -> Graph:
    """A case's file as mcuforge reads it, checked. Raises ModelError when it cannot run."""
    graph = for_types(clean(parse_tflite(content, name, name)))
    check_supported(graph, name)
    check_graph(graph)
    return graph


@functools.cache
def case_graph(case: Case) -> Graph:
    """The case as mcuforge reads it, checked."""
    return read_case(case_content(case), case.id)


@functools.cache
def case_inputs(case: Case) -> list[Array]:
    return input_sets(case_graph(case), case.id, case.values, case.positions)


@functools.cache
def reference_outputs(case: Case) -> list[Array]:
    """What the numpy reference makes of the case's inputs."""
    return run(case_graph(case), case_inputs(case))


def expected_outputs(case: Case, samples: int, some: Callable[[Array], Array] = lambda x: x) -> list[Array]:
    """What the reference makes of ``samples`` inferences on the case's inputs, or ``some`` of them, over and over."""
    if case_graph(case).lasting:
        return run(case_graph(case), [repeated(some(x), samples) for x in case_inputs(case)])
    return [repeated(some(x), samples) for x in reference_outputs(case)]


def repeated(x: Array, samples: int) -> Array:
    """The samples of ``x`` over and over, until there are ``samples``."""
    return x[np.arange(samples) % len(x)]


def oracle_outputs(case: Case) -> list[Array]:
    """What the case's oracle makes of its first ``oracle_sets`` inputs."""
    return run_oracle(case, case_content(case), case_inputs(case), len(case_graph(case).outputs))


def run_oracle(case: Case, content: bytes, inputs: Sequence[Array], outputs: int) -> list[Array]:
    run_model = run_tflm if case.oracle == TFLM else run_tflite
    return run_model(content, [x[: case.oracle_sets] for x in inputs], outputs)


def same(a: Array, b: Array) -> bool:
    """Bit by bit; which NaN there is, is the machine's own."""
    if a.dtype == b.dtype == np.float32 and a.shape == b.shape:
        nan = np.isnan(a)
        return bool((nan == np.isnan(b)).all()) and a[~nan].tobytes() == b[~nan].tobytes()
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def near(a: Array, b: Array, ulps: int, error: float) -> bool:
    """As float32 numbers so many units in the last place apart, or so much; all else bit by bit."""
    if not ulps or a.dtype != np.float32 or a.dtype != b.dtype or a.shape != b.shape:
        return same(a, b)
    nan = np.isnan(a)
    a, b = a[~nan], b[~np.isnan(b)]
    if a.shape != b.shape:
        return False
    with np.errstate(invalid="ignore"):  # the difference of infinities
        return bool(((np.abs(_order(a) - _order(b)) <= ulps) | (np.abs(a - b) <= error)).all())


def _order(x: Array) -> Array:
    """The place of float32 numbers among all of them; both zeros are one."""
    bits = np.ascontiguousarray(x).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
