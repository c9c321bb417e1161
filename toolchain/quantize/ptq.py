"""mcuforge's own post-training quantization: float model and representative samples in, full-integer ``.tflite`` out.

TFLiteConverter only folds batch normalization and fuses activations; ranges, grids and integers are made here, with
TFLite's semantics: int8 activations with one scale and zero point, int8 weights with one scale for each output channel,
int32 biases. The samples are seen once, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.exporters.tflite import export_tflite
from toolchain.graph import Graph, QuantParams
from toolchain.importers.float_model import FloatModel, matched_columns
from toolchain.importers.float_tflite import FloatTflite
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import clean
from toolchain.progress import Progress
from toolchain.quantize import grid
from toolchain.quantize.bias_correction import InputMeans, correct_biases
from toolchain.quantize.converter import convert
from toolchain.quantize.float_formats import with_float_weights
from toolchain.quantize.float_run import Fetch, run_samples
from toolchain.quantize.int8_graph import int8_graph
from toolchain.quantize.observers import Observer, observer_of
from toolchain.quantize.recipe import EMPIRICAL, Recipe, weight_formats
from toolchain.quantize.ties import Tied, tie

Array = npt.NDArray[Any]

DEFAULT_RECIPE = Recipe()


def quantize(
    model: FloatModel | FloatTflite,
    representative: Array | Sequence[Array],
    progress: Progress | None = None,
    recipe: Recipe = DEFAULT_RECIPE,
) -> bytes:
    """A full-integer ``.tflite`` of ``model``, as ``recipe`` says; a float one when its formats are.

    ``representative`` holds real inputs as the model takes them, samples first (one array for each of several
    inputs). Equal inputs give equal bytes. ModelError for what cannot be quantized, DataError for unfit samples,
    UserError for a recipe that does not fit the model.
    """
    content = model.content if isinstance(model, FloatTflite) else convert(model)
    parsed = parse_tflite(content, model.name, model.source)
    floats = clean(parsed)
    formats = weight_formats(recipe, floats, model.source)
    if recipe.is_float:
        return export_tflite(with_float_weights(floats, formats))
    columns = matched_columns(representative, model.inputs, model.name)
    tied = tie(floats, model.source)
    with (progress or Progress()).step("Quantizing", len(columns[0])) as advance:
        samples = run_samples(content, parsed, columns, model.source)
        means = InputMeans(floats) if recipe.bias_correction == EMPIRICAL else None
        grids = _grids(tied, _counted(samples, advance), observer_of(recipe.calibration), means)
        graph = int8_graph(tied, grids)
        if means is not None:
            graph = correct_biases(graph, floats, means.means(), columns)
        return export_tflite(graph)


def _counted(samples: Iterable[Fetch], advance: Callable[[int], None]) -> Iterable[Fetch]:
    for sample in samples:
        yield sample
        advance(1)


def _grids(
    tied: Tied, samples: Iterable[Fetch], make: Callable[[], Observer], means: InputMeans | None
) -> dict[str, QuantParams]:
    """The parameters of each group, by one pass over ``samples``; ``means`` looks at them too."""
    observers = {root: make() for root in tied.sources if root not in tied.fixed}
    for fetch in samples:
        for root, observer in observers.items():
            observer.observe(_values(tied.graph, tied.sources[root], fetch))
        if means is not None:
            means.observe(fetch)
    grids = {root: grid.affine(*observer.range()) for root, observer in observers.items()}
    for root, (scale, zero_point) in tied.fixed.items():
        grids[root] = QuantParams((scale,), (zero_point,))
    return grids


def _values(graph: Graph, names: Sequence[str], fetch: Fetch) -> Array:
    parts = [fetch(name) if (data := graph.tensor(name).data) is None else data for name in names]
    return parts[0] if len(parts) == 1 else np.concatenate([part.reshape(-1) for part in parts])
