"""mcuforge's own post-training quantization: float model and representative samples in, full-integer ``.tflite`` out.

TFLiteConverter only folds batch normalization and fuses activations; ranges, grids and integers are made here, with
TFLite's semantics: int8 activations with one scale and zero point, int8 weights with one scale for each output channel,
int32 biases. The samples are seen once, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.bodies import bodies_of
from toolchain.errors import ModelError
from toolchain.exporters.tflite import export_tflite
from toolchain.graph import Graph, QuantParams
from toolchain.importers.float_model import FloatModel, matched_columns
from toolchain.importers.float_tflite import FloatTflite
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import clean
from toolchain.passes.by_type import for_types
from toolchain.progress import Progress
from toolchain.quantize import grid
from toolchain.quantize.bias_correction import SAMPLES, InputMeans, correct_biases, correct_biases_analytically
from toolchain.quantize.converter import convert
from toolchain.quantize.equalization import equalized
from toolchain.quantize.float_formats import with_float_weights
from toolchain.quantize.float_run import Fetch, run_samples
from toolchain.quantize.formats import FLOAT32, INT8, INT16, is_below_int8
from toolchain.quantize.int8_graph import Weights, int8_graph
from toolchain.quantize.integer_forms import with_integer_forms
from toolchain.quantize.low_bits import Reconstruction, nearest_weights
from toolchain.quantize.multipliers import with_small_multipliers
from toolchain.quantize.observers import Observer, observer_of
from toolchain.quantize.outliers import Peaks, clipped_weights
from toolchain.quantize.recipe import (
    ANALYTIC,
    EMPIRICAL,
    NEAREST,
    NONE,
    Recipe,
    activation_types,
    layer_name,
    layers_with_weights,
    weight_formats,
)
from toolchain.quantize.signs import lower_signs
from toolchain.quantize.ties import Tied, tie
from toolchain.quantize.trained import trained_weights, with_room_for_bias
from toolchain.verify import check_supported

Array = npt.NDArray[Any]

DEFAULT_RECIPE = Recipe()
RECONSTRUCTED = 256  # samples that weights below int8 are rounded for


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
    progress = progress or Progress()
    fused = {recipe.weights, recipe.activations} == {FLOAT32}
    content = model.content if isinstance(model, FloatTflite) else convert(model, fused=fused)
    parsed = parse_tflite(content, model.name, model.source)
    floats = clean(parsed)
    formats = weight_formats(recipe, floats, model.source)
    if floats.states or any(bodies_of(node) for node in floats.nodes):
        return _as_it_is(
            content, floats, {recipe.weights, recipe.activations, *formats.values()} == {FLOAT32}, model.source
        )
    if recipe.is_float:
        check_supported(for_types(floats), model.source)
        return export_tflite(with_float_weights(floats, formats))
    floats = with_integer_forms(floats)
    columns = matched_columns(representative, model.inputs, model.name)
    trained = trained_weights(floats, model.codes if isinstance(model, FloatModel) else (), formats)
    formats |= {layer_name(node): INT8 for node in floats.nodes if node.name in trained}  # nothing is left to be chosen
    if recipe.equalization and trained:
        progress.note("weights that were trained for their format are not equalized")
    elif recipe.equalization:
        content = export_tflite(equalized(floats))
        parsed = parse_tflite(content, model.name, model.source)
        floats = with_integer_forms(clean(parsed))
    run = _Run(content, parsed, floats, columns, recipe, formats, model.source, trained)
    return export_tflite(lower_signs(with_small_multipliers(run.quantized(progress)), model.source))


def _as_it_is(content: bytes, floats: Graph, wanted: bool, where: str) -> bytes:
    """A model with state or control flow, which stays the float one that it is. ModelError for other formats."""
    if not wanted:
        raise ModelError(
            f"{where}: this quantizer takes no models with variables, loops or branches",
            "leave --quantizer and --format out: TFLiteConverter quantizes them; or --format float32",
        )
    check_supported(for_types(floats), where)
    return content


@dataclass(frozen=True, eq=False)
class _Run:
    """One quantization: the float model as bytes, as read and as cleaned, its samples, and what is to be done."""

    content: bytes
    parsed: Graph
    floats: Graph
    columns: Sequence[Array]
    recipe: Recipe
    formats: Mapping[str, str]
    where: str
    trained: Mapping[str, Weights]

    @property
    def low(self) -> list[str]:
        """The layers below int8."""
        return [name for name, weights in self.formats.items() if is_below_int8(weights)]

    @property
    def types(self) -> Mapping[str, str]:
        """The types of the activations of nodes that have other ones than the model."""
        return activation_types(self.recipe, self.floats)

    @property
    def all_int16(self) -> bool:
        """Whether all activations are int16. Then biases are corrected without running the integers.

        The error of int16 activations is nothing beside that of the weights, which is all that counts so.
        """
        return {self.recipe.activations, *self.types.values()} == {INT16}

    @property
    def reconstructs(self) -> bool:
        return bool(self.low) and self.recipe.rounding != NEAREST

    def samples(self, count: int | None = None) -> Iterable[Fetch]:
        return run_samples(self.content, self.parsed, [column[:count] for column in self.columns], self.where)

    def quantized(self, progress: Progress) -> Graph:
        tied = tie(self.floats, self.where, self.recipe.activations, self.types)
        most = RECONSTRUCTED if self.reconstructs else SAMPLES
        means = None if self.recipe.bias_correction == NONE else InputMeans(self.floats, most)
        squares = InputMeans(self.floats, most, power=2) if self.low else None
        peaks = Peaks(self.floats)
        with progress.step("Quantizing", len(self.columns[0])) as advance:
            seen = [m for m in (means, squares, peaks) if m is not None]
            grids = observed_grids(tied, _counted(self.samples(), advance), observer_of(self.recipe.calibration), seen)
            scales = {n.name: grids[tied.group[n.inputs[0]]].scale[0] for n in layers_with_weights(tied.graph)}
            chosen = nearest_weights(self.floats, self.formats, squares.means(), scales) if squares else {}
            graph = int8_graph(tied, grids, chosen | with_room_for_bias(tied.graph, self.trained, scales))
            if means is not None and (self.recipe.bias_correction == ANALYTIC or self.all_int16):
                graph = correct_biases_analytically(graph, self.floats, means.means())
            elif means is not None and not self.reconstructs:
                graph = correct_biases(graph, self.floats, means.means(), self.columns)
        if squares is not None and self.reconstructs:
            empirical = means.means() if means and self.recipe.bias_correction == EMPIRICAL else None
            graph = self._reconstructed(graph, squares.means(), empirical, progress)
        for found in (*peaks.clipped(graph), *clipped_weights(graph, self.floats)):
            progress.info(found.text)
        return graph

    def _reconstructed(
        self, graph: Graph, squares: Mapping[str, Array], means: Mapping[str, Array] | None, progress: Progress
    ) -> Graph:
        def inputs(name: str) -> Array:
            return np.concatenate([fetch(name).copy() for fetch in self.samples(RECONSTRUCTED)])

        with progress.step("Rounding weights", len(self.low)) as advance:
            steps = Reconstruction(self.floats, self.formats, squares, means, self.recipe.rounding, inputs, advance)
            return steps.run(graph, [column[:RECONSTRUCTED] for column in self.columns])


def _counted(samples: Iterable[Fetch], advance: Callable[[int], None]) -> Iterable[Fetch]:
    for sample in samples:
        yield sample
        advance(1)


def observed_grids(
    tied: Tied, samples: Iterable[Fetch], make: Callable[[], Observer], others: Sequence[InputMeans | Peaks]
) -> dict[str, QuantParams]:
    """The parameters of each group, by one pass over ``samples``; ``others`` look at them too."""
    observers = {root: make() for root in tied.sources if root not in tied.fixed}
    for fetch in samples:
        for root, observer in observers.items():
            observer.observe(_values(tied.graph, tied.sources[root], fetch))
        for other in others:
            other.observe(fetch)
    make_grid = {root: grid.symmetric16 if tied.types[root] == INT16 else grid.affine for root in observers}
    grids = {root: make_grid[root](*observer.range()) for root, observer in observers.items()}
    for root, (scale, zero_point) in tied.fixed.items():
        grids[root] = QuantParams((scale,), (zero_point,))
    return grids


def _values(graph: Graph, names: Sequence[str], fetch: Fetch) -> Array:
    parts = [fetch(name) if (data := graph.tensor(name).data) is None else data for name in names]
    return parts[0] if len(parts) == 1 else np.concatenate([part.reshape(-1) for part in parts])
