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
from toolchain.graph import Array, Graph, Node, QuantParams
from toolchain.importers.float_model import Port
from toolchain.importers.float_tflite import FloatTflite
from toolchain.importers.tflite import parse_tflite
from toolchain.ops import by_type
from toolchain.ops.common import constant
from toolchain.passes import clean
from toolchain.quantize import grid
from toolchain.quantize.converter import convert
from toolchain.quantize.float_run import run_samples
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import NEAREST, NONE, Recipe, layer_name, layers_with_weights, recipe_for

SQNR_SAMPLES = 16
_ANY_TYPE = ("reshape", "concatenate")  # operators that only move values
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

    @cached_property
    def followers(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The nodes without weights that int16 activations can pass, with the layers whose values they read.

        A node that reads the model's input through such nodes alone is none.
        """
        found: dict[str, tuple[str, ...]] = {}
        # By tensor; an input of the model is its own source.
        sources: dict[str, tuple[str, ...]] = {name: (name,) for name in self.graph.inputs}
        for node in self.graph.nodes:
            name, out = layer_name(node), node.outputs[0]
            if name in self.layers:
                sources[out] = (name,)
                continue
            read = dict.fromkeys(s for n in node.inputs if n in sources for s in sources[n])
            sources[out] = tuple(read)
            if read and not set(read) & set(self.graph.inputs) and _has_int16(node):
                found[name] = tuple(read)
        return tuple(found.items())

    @cached_property
    def readers(self) -> dict[str, tuple[str, ...]]:
        """For each layer with weights those that read its values, directly or through nodes without weights."""
        following = dict(self.followers)
        found: dict[str, tuple[str, ...]] = dict.fromkeys(self.layers, ())
        made = {node.outputs[0]: layer_name(node) for node in self.graph.nodes}
        for name, node in self.layers.items():
            source = made.get(node.inputs[0], "")
            for each in (source,) if source in self.layers else following.get(source, ()):
                found[each] = (*found[each], name)
        return found

    @cached_property
    def int8_grids(self) -> dict[str, QuantParams]:
        """Scale and zero point of each tensor as int8, by the calibration that recipes have by default."""
        few = [column[:_ENOUGH] for column in self.columns]
        made = quantize(self.model(self.content({})), few, recipe=Recipe(bias_correction=NONE))
        graph = parse_tflite(made, self.name, self.source)
        return {name: t.quant for name, t in graph.tensors.items() if t.quant is not None and t.data is None}

    def with_int8_output(self, name: str) -> tuple[bytes, str]:
        """The ``.tflite`` in which the layer's output alone passes an int8 grid, and the tensor that comes out."""
        tensor = self.graph.tensor(self.layers[name].outputs[0])
        codes, values = f"{tensor.name};codes", f"{tensor.name};values"
        tensors = {
            **self.graph.tensors,
            codes: dataclasses.replace(tensor, name=codes, dtype="int8", quant=self.int8_grids[tensor.name]),
            values: dataclasses.replace(tensor, name=values),
        }
        nodes = []
        for node in self.graph.nodes:
            inputs = tuple(values if n == tensor.name else n for n in node.inputs)
            nodes.append(dataclasses.replace(node, inputs=inputs))
            if layer_name(node) == name:
                nodes.append(Node("codes", "quantize", (tensor.name,), (codes,)))
                nodes.append(Node("values", "dequantize", (codes,), (values,)))
        outputs = tuple(values if n == tensor.name else n for n in self.graph.outputs)
        graph = dataclasses.replace(self.graph, outputs=outputs).with_nodes(nodes, tensors)
        return export_tflite(graph), values

    def content(self, weights: Mapping[str, Array]) -> bytes:
        """The ``.tflite`` with other weights in the layers that ``weights`` names."""
        tensors = dict(self.graph.tensors)
        for name, values in weights.items():
            tensor = tensors[self.layers[name].inputs[1]]
            tensors[tensor.name] = dataclasses.replace(tensor, data=values.astype(np.float32))
        return export_tflite(dataclasses.replace(self.graph, tensors=tensors))

    def predict(self, weights: Mapping[str, Array]) -> Array:
        """The first output for every sample."""
        return self.predict_by(self.content(weights))

    def predict_by(self, content: bytes) -> Array:
        """The first output of ``content`` for every sample."""
        return self.model(content).predict(list(self.columns))

    def model(self, content: bytes) -> FloatTflite:
        """``content`` as a float model with this network's ports."""
        return FloatTflite(self.name, self.source, "", self.inputs, self.outputs, content)

    def values(self, weights: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
        """The tensors ``names`` for the first samples."""
        return self.values_by(self.content(weights), names)

    def values_by(self, content: bytes, names: Sequence[str]) -> dict[str, Array]:
        """The tensors ``names`` of ``content`` for the first samples."""
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


def _has_int16(node: Node) -> bool:
    return node.op in _ANY_TYPE or (node.op, "int16") in by_type()


def sqnr(wanted: Array, found: Array) -> float | None:
    """Signal to quantization noise in dB; None where there is no noise at all."""
    a, b = wanted.astype(np.float64), found.astype(np.float64)
    noise = float(np.square(a - b).sum())
    return None if noise == 0.0 else float(10 * np.log10(max(float(np.square(a).sum()), 1e-300) / noise))


def refusal(error: UserError) -> str:
    """Why a format has no column, in one line."""
    return error.problem.splitlines()[0]
