"""Layers with weights below int8: first each weight by itself, then all of a layer for the sake of its outputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node, QuantParams, Tensor
from toolchain.ops.common import constant
from toolchain.quantize import grid
from toolchain.quantize.bias_correction import corrected
from toolchain.quantize.formats import channel_groups, codebook_bits, is_below_int8, sparse_fraction
from toolchain.quantize.int8_graph import Weights
from toolchain.quantize.layer_by_layer import Values, changed
from toolchain.quantize.layer_inputs import LayerInputs, layer_inputs
from toolchain.quantize.least_squares import Moments, fitted
from toolchain.quantize.pruning import pruned_rows
from toolchain.quantize.recipe import ADAROUND, layer_name, layers_with_weights
from toolchain.quantize.ties import rule_of
from toolchain.quantize.weights import CODE_HIGH, Coded, as_float32, as_rows, coded, from_rows, joined, masked

FloatInputs = Callable[[str], Array]  # the float values (samples, *shape without the batch) of a tensor


def nearest_weights(
    floats: Graph, formats: Mapping[str, str], squares: Mapping[str, Array], scales: Mapping[str, float]
) -> dict[str, Weights]:
    """Codes of the layers of ``floats`` that are below int8, by node name, each weight by itself.

    ``formats`` are by layer name; ``squares`` has by node the mean squares of what lies under the weights, ``scales``
    the scale of the layer's input.
    """
    chosen = {}
    for node in layers_with_weights(floats):
        weight_format = formats[layer_name(node)]
        if is_below_int8(weight_format):
            groups = channel_groups(weight_format, len(float_rows(floats, node)))
            start = joined([coded_group(floats, node, weight_format, squares[node.name], g) for g in groups])
            chosen[node.name] = as_weights(floats, node, start, scales[node.name])
    return chosen


def coded_group(floats: Graph, node: Node, weight_format: str, squares: Array, channels: slice) -> Coded:
    """The weights of some output channels of a float layer.

    ``squares`` (height, width, channels) or (inputs,) are those of the layer's inputs.
    """
    rows = float_rows(floats, node)
    if node.op == "depthwise_conv2d":
        repeats = floats.tensor(node.inputs[1]).shape[3] // squares.shape[2]
        importance = np.repeat(squares, repeats, axis=2).reshape(-1, len(rows)).T
    else:
        importance = np.broadcast_to(squares.reshape(1, -1), rows.shape)
    return coded(rows[channels], weight_format, importance[channels], _memory_axis(node))


def float_rows(floats: Graph, node: Node) -> Array:
    """The float weights (output channels, weights of a channel)."""
    return as_rows(constant(floats, node.inputs[1]), _axis(node))


def as_weights(floats: Graph, node: Node, made: Coded, input_scale: float) -> Weights:
    """``made`` in the layout of the layer, with scales that leave the bias its room."""
    shape, axis = floats.tensor(node.inputs[1]).shape, _axis(node)
    least = np.zeros(len(made.scale))
    if len(node.inputs) > 2 and node.inputs[2]:
        faint = QuantParams((0.0,) * len(made.scale), (0,) * len(made.scale), axis)
        least = np.array(grid.with_room_for_bias(faint, constant(floats, node.inputs[2]), input_scale).scale)
    # A channel that has lost all its weights keeps their scale: its corrected bias is counted in steps of it.
    lost = ~made.codes.any(axis=1)
    least = np.where(lost, np.maximum(least, np.abs(float_rows(floats, node)).max(axis=1) / CODE_HIGH), least)
    made = as_float32(made, least)
    used = QuantParams(tuple(map(float, made.scale)), (0,) * len(made.scale), axis)
    return Weights(np.ascontiguousarray(from_rows(made.codes, shape, axis), np.int8), used)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """Makes the outputs of the layers below int8 like the float model's, one after the other.

    ``means`` are those of the float model under each layer's weights, to correct biases by; None to leave them alone.
    """

    floats: Graph
    formats: Mapping[str, str]
    squares: Mapping[str, Array]
    means: Mapping[str, Array] | None
    rounding: str
    inputs: FloatInputs
    advance: Callable[[int], None]

    def run(self, graph: Graph, columns: Sequence[Array]) -> Graph:
        """The int8 ``graph`` with other weights and biases."""
        return changed(graph, columns, self._change)

    def _change(self, graph: Graph, node: Node, values: Values) -> tuple[Graph, Node]:
        if node.name not in {n.name for n in layers_with_weights(self.floats)}:
            return graph, node
        if is_below_int8(self.formats[layer_name(node)]):
            graph, node = self._rounded(graph, node, values)
            self.advance(1)
        if self.means is not None:
            graph, node = corrected(graph, self.floats, node, self.means[node.name], values)
        return graph, node

    def _rounded(self, graph: Graph, node: Node, values: Values) -> tuple[Graph, Node]:
        original = next(n for n in self.floats.nodes if n.name == node.name)
        x = graph.tensor(node.inputs[0])
        assert x.quant is not None
        codes = values[x.name]
        quantized = grid.values(codes.reshape(len(codes), *codes.shape[2:]), x.quant)
        seen = layer_inputs(graph, node, self.inputs(original.inputs[0]), quantized)
        made = self._made(original, seen)
        weights = as_weights(self.floats, original, made, x.scale)
        name = f"{node.outputs[0]};weights"
        tensor = Tensor(name, weights.codes.shape, "int8", weights.grid, weights.codes)
        graph = dataclasses.replace(graph, tensors={**graph.tensors, name: tensor})
        node = dataclasses.replace(node, inputs=(node.inputs[0], name, *node.inputs[2:]))
        return _with_bias_on_its_grid(graph, self.floats, original, node)

    def _made(self, node: Node, seen: LayerInputs) -> Coded:
        """Groups of channels do not know of one another: their sums are their own."""
        moments = seen.moments(centered=self.means is not None)
        groups = channel_groups(self.formats[layer_name(node)], len(float_rows(self.floats, node)))
        return joined([self._made_of(node, seen.of(group), moments.of(group), group) for group in groups])

    def _made_of(self, node: Node, seen: LayerInputs, moments: Moments, channels: slice) -> Coded:
        weight_format = self.formats[layer_name(node)]
        every = float_rows(self.floats, node)
        rows, free = every[channels], bool(codebook_bits(weight_format))
        if fraction := sparse_fraction(weight_format):
            start = masked(*pruned_rows(rows, moments, fraction, _memory_axis(node)))
        else:
            start = coded_group(self.floats, node, weight_format, self.squares[node.name], channels)
        made = fitted(start, rows, moments, free)
        if self.rounding != ADAROUND:
            return made
        from toolchain.quantize.adaround import learned

        has_bias = len(node.inputs) > 2 and node.inputs[2]
        bias = constant(self.floats, node.inputs[2]) if has_bias else np.zeros(len(every))
        return learned(made, rows, bias[channels], seen, node.attrs.activation, free)


def _with_bias_on_its_grid(graph: Graph, floats: Graph, original: Node, node: Node) -> tuple[Graph, Node]:
    """The float layer's bias in steps of the new weights' scales; without one, none."""
    if len(original.inputs) < 3 or not original.inputs[2]:
        return graph, node
    weights = graph.tensor(node.inputs[1])
    assert weights.quant is not None
    used = grid.bias_grid(weights.quant, graph.tensor(node.inputs[0]).scale)
    data = grid.bias_codes(constant(floats, original.inputs[2]), used, "int32")
    bias = Tensor(f"{node.outputs[0]};bias", data.shape, "int32", used, data)
    node = dataclasses.replace(node, inputs=(*node.inputs[:2], bias.name))
    return dataclasses.replace(graph, tensors={**graph.tensors, bias.name: bias}), node


def _memory_axis(node: Node) -> int:
    """The axis of ``float_rows`` along which weights are neighbours in memory: output channels of a depthwise layer."""
    return 0 if node.op == "depthwise_conv2d" else 1


def _axis(node: Node) -> int:
    axis = rule_of(node).weights_axis
    assert axis is not None
    return axis
