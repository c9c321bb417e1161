"""A float network in which the weights of single layers are replaced, and what that does to its values.

Only the weights of the layer in question are rounded to the format; activations and all other layers stay float. So the
difference is that format's in that layer alone. Everything is judged by the representative samples; the test set is not
looked at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from toolchain.errors import DataError, ModelError, UserError
from toolchain.exporters.tflite import export_tflite
from toolchain.front import AnyFloatModel
from toolchain.graph import Array, Graph, Node
from toolchain.importers.float_model import Port
from toolchain.importers.float_tflite import FloatTflite
from toolchain.importers.tflite import parse_tflite
from toolchain.ops.common import constant
from toolchain.passes import clean
from toolchain.quantize import grid
from toolchain.quantize.converter import convert
from toolchain.quantize.float_run import run_samples
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import NEAREST, NONE, layer_name, layers_with_weights, recipe_for

SQNR_SAMPLES = 16
_ENOUGH = 40  # samples that say which inputs of a layer are large, for weights below int8


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """A float graph as TFLite holds it, batch normalization folded, with samples (and labels where there are some)."""

    name: str
    source: str
    graph: Graph
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    columns: tuple[Array, ...]
    labels: Array | None

    @cached_property
    def layers(self) -> dict[str, Node]:
        """The layers with weights, by the names that recipes use."""
        return {layer_name(node): node for node in layers_with_weights(self.graph)}

    def content(self, weights: Mapping[str, Array]) -> bytes:
        """The ``.tflite`` with other weights in the layers that ``weights`` names."""
        tensors = dict(self.graph.tensors)
        for name, values in weights.items():
            tensor = tensors[self.layers[name].inputs[1]]
            tensors[tensor.name] = dataclasses.replace(tensor, data=values.astype(np.float32))
        return export_tflite(dataclasses.replace(self.graph, tensors=tensors))

    def predict(self, weights: Mapping[str, Array]) -> Array:
        """The first output for every sample."""
        content = self.content(weights)
        return self.model(content).predict(list(self.columns))

    def model(self, content: bytes) -> FloatTflite:
        """``content`` as a float model with this network's ports."""
        return FloatTflite(self.name, self.source, "", self.inputs, self.outputs, content)

    def values(self, weights: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
        """The tensors ``names`` for the first samples."""
        content = self.content(weights)
        parsed = parse_tflite(content, self.name, self.source)
        few = [column[:SQNR_SAMPLES] for column in self.columns]
        rows = [[fetch(n).copy() for n in names] for fetch in run_samples(content, parsed, few, self.source)]
        return {name: np.stack([row[i] for row in rows]) for i, name in enumerate(names)}

    def weights(self, name: str) -> Array:
        """The float weights of a layer."""
        return constant(self.graph, self.layers[name].inputs[1])

    def rounded(self, format_name: str) -> dict[str, Array]:
        """The weights of every layer as the format holds them, each rounded to the nearest.

        Raises UserError for what cannot be done.
        """
        recipe = dataclasses.replace(
            recipe_for(format_name, NEAREST), keep_ends=False, bias_correction=NONE, equalization=False
        )
        few = [column[:_ENOUGH] for column in self.columns]
        made = quantize(self.model(self.content({})), few, recipe=recipe)
        graph = clean(parse_tflite(made, self.name, self.source))
        found = {}
        for node in layers_with_weights(graph):
            tensor = graph.tensor(node.inputs[1])
            data = constant(graph, tensor.name)
            found[layer_name(node)] = data if tensor.quant is None else grid.values(data, tensor.quant)
        return {name: values for name, values in found.items() if name in self.layers}


def network(model: AnyFloatModel, columns: Sequence[Array], labels: Array | None, limit: int | None) -> FloatNetwork:
    """``model`` with its first ``limit`` representative samples. Raises ModelError or DataError."""
    if not columns:
        raise DataError("there are no samples to judge by", "Give data with x_calib (--data) or --representative.")
    content = model.content if isinstance(model, FloatTflite) else convert(model)
    graph = clean(parse_tflite(content, model.name, model.source))
    tensors = [graph.tensor(n) for n in graph.inputs], [graph.tensor(n) for n in graph.outputs]
    inputs, outputs = (tuple(Port(t.name, t.shape, t.dtype) for t in side) for side in tensors)
    if not layers_with_weights(graph):
        raise ModelError(f"{model.source} has no layer with weights", "There is nothing to choose a format for.")
    cut = tuple(
        np.ascontiguousarray(c[:limit], dtype=p.dtype).reshape(-1, *p.shape[1:])
        for c, p in zip(columns, inputs, strict=True)
    )
    usable = None if labels is None else labels[:limit]
    return FloatNetwork(model.name, model.source, graph, inputs, outputs, cut, usable)


def sqnr(wanted: Array, found: Array) -> float | None:
    """Signal to quantization noise in dB; None where there is no noise at all."""
    a, b = wanted.astype(np.float64), found.astype(np.float64)
    noise = float(np.square(a - b).sum())
    return None if noise == 0.0 else float(10 * np.log10(max(float(np.square(a).sum()), 1e-300) / noise))


def refusal(error: UserError) -> str:
    """Why a format has no column, in one line."""
    return error.problem.splitlines()[0]
