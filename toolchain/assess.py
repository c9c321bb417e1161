"""Accuracy and exactness: the board's outputs against the labels, the float model and the reference interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from toolchain import metrics, reference
from toolchain.data import dequantize, quantize_input
from toolchain.front import Quantized, metric_of, samples_of
from toolchain.graph import Array, Graph
from toolchain.ops import registry
from toolchain.ops.gather import positions_of
from toolchain.progress import Progress
from toolchain.results import Accuracy, Exactness, Report, Score

REFERENCE = "mcuforge reference interpreter (equal to TFLM's reference kernels)"
FLOAT_REFERENCE = "mcuforge reference interpreter (equal to TFLM's reference kernels but for exponentials and the like)"
RANDOM_SAMPLES = 16
WHOLE = ("int32", "int64")
SMALL = 16  # numbers that random data has where nothing says how many


def evaluation_inputs(model: Quantized, limit: int | None) -> list[Array]:
    """What the board is asked: the codes of the test samples, else of the calibration samples, else random ones.

    One array for each input, in its type, samples first. Random codes are seeded.
    """
    real = _slice(samples_of(model.data.x_test), limit) or _slice(samples_of(model.data.x_calib), limit)
    return to_codes(model.graph, real) if real else random_codes(model.graph, limit or RANDOM_SAMPLES)


def sample_inputs(model: Quantized) -> list[Array]:
    """One sample for timing, without the sample axis."""
    return [x[0] for x in evaluation_inputs(model, 1)]


def to_codes(graph: Graph, real: Sequence[Array]) -> list[Array]:
    """Real samples as the graph's inputs take them."""
    tensors = [graph.tensor(n) for n in graph.inputs]
    codes = [
        quantize_input(x, t) if t.quant is not None else x.astype(t.dtype) for x, t in zip(real, tensors, strict=True)
    ]
    return [c.reshape(len(c), *t.shape) for c, t in zip(codes, tensors, strict=True)]


def random_codes(graph: Graph, count: int, seed: int = 0) -> list[Array]:
    """Seeded samples over the whole range of the inputs' codes; standard normal ones for float inputs.

    Plain whole numbers are positions and counts most often: they are small, and within what they choose from.
    """
    rng = np.random.default_rng(seed)
    arrays: list[Array] = []
    for tensor in (graph.tensor(n) for n in graph.inputs):
        shape = (count, *tensor.shape)
        if tensor.dtype in WHOLE and tensor.quant is None:
            arrays.append(rng.integers(0, _positions(graph, tensor.name), shape).astype(tensor.dtype))
        elif tensor.dtype == "float32":
            arrays.append(rng.standard_normal(shape).astype(np.float32))
        elif tensor.dtype == "bool":
            arrays.append(rng.integers(0, 1, shape, endpoint=True).astype(bool))
        else:
            info = np.iinfo(tensor.dtype)
            arrays.append(rng.integers(info.min, info.max, shape, endpoint=True).astype(tensor.dtype))
    return arrays


def _positions(graph: Graph, name: str) -> int:
    """How many values the whole numbers called ``name`` may have: few enough for everything that they choose from."""
    sizes, reached = [SMALL], {name}
    for node in graph.nodes:
        chosen = positions_of(graph, node)
        if chosen is not None and chosen[0] in reached:
            sizes.append(chosen[1])
        elif reached & set(node.inputs):
            reached.update(n for n in node.outputs if graph.tensor(n).dtype in WHOLE)
    return min(sizes)


def assess(
    report: Report, model: Quantized, codes: Sequence[Array], outputs: Sequence[Array], progress: Progress
) -> Report:
    """The report with accuracy and exactness. ``codes`` went to the board, ``outputs`` came back."""
    with progress.step("Running the reference"):
        expected = reference.run(model.graph, codes)
    differing = sum(int((a != b).sum()) for a, b in zip(expected, outputs, strict=True))
    nearly = any(registry()[node.op].nearly(model.graph, node) for node in model.graph.nodes)
    exactness = Exactness(FLOAT_REFERENCE if nearly else REFERENCE, sum(int(a.size) for a in expected), differing)
    return replace(report, exactness=exactness, accuracy=_accuracy(model, codes, expected[0], outputs[0], progress))


def _accuracy(model: Quantized, codes: Sequence[Array], host: Array, device: Array, progress: Progress) -> Accuracy:
    x = samples_of(model.data.x_test)
    if not x:
        return Accuracy(metrics.NONE)
    count = len(codes[0])
    x = _slice(x, count)
    y = None if model.data.y_test is None else model.data.y_test[:count]
    metric = metric_of(model.graph, model.data, count)
    if metric == metrics.NONE:
        return Accuracy(metric)

    def scored(values: Array) -> Score | None:
        return metrics.score(metric, values, y, x[0])

    floats = None
    if model.float_model is not None:
        with progress.step("Running the float model"):
            floats = scored(model.float_model.predict(x))
    return Accuracy(metric, floats, scored(real_values(model.graph, host)), scored(real_values(model.graph, device)))


def real_values(graph: Graph, values: Array) -> Array:
    """Codes of the first output as real numbers."""
    tensor = graph.tensor(graph.outputs[0])
    return dequantize(values, tensor) if tensor.quant is not None else values


def _slice(x: Sequence[Array], limit: int | None) -> list[Array]:
    return [a[:limit] for a in x]
