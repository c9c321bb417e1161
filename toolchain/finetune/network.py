"""A float Graph as a Keras network to be trained: layers with coded weights, activations on their int8 grids.

The graph comes from the converter, so batch normalization is folded and activations are fused already: each layer is
one that the device executes, and what is trained is what will run there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolchain.errors import ModelError
from toolchain.graph import Graph, Node, QuantParams, Tensor
from toolchain.importers.tensorflow import keras3
from toolchain.keras import FakeQuantize, Negative, QuantConv2D, QuantDense, QuantDepthwiseConv2D, Threshold
from toolchain.ops.common import constant
from toolchain.ops.pad import widths
from toolchain.ops.reduced import axes
from toolchain.quantize.recipe import layer_name, layers_with_weights
from toolchain.quantize.ties import Tied

keras = keras3()
Values = dict[str, Any]

_NORMALIZED = ("ternary", "binary")  # one sign that turns moves the sums of a whole channel
_ACTIVATIONS = {"none": None, "relu": "relu", "relu6": "relu6"}


@dataclass(frozen=True, eq=False)
class Network:
    """``trained`` computes with activations on their grids, ``deployed`` is the float model that is saved.

    They share ``layers`` (by node name), and ``thresholds`` of those that read signs. ``grids`` are the
    FakeQuantize layers of each group of tensors; ``values`` are the inner tensors of ``deployed`` by their names in the
    graph.
    """

    trained: Any
    deployed: Any
    layers: Mapping[str, Any]
    thresholds: Mapping[str, Any]
    grids: Mapping[str, Any]
    values: Values

    def set_grids(self, parameters: Mapping[str, QuantParams]) -> None:
        for group, layer in self.grids.items():
            layer.scale.assign(parameters[group].scale[0])
            layer.zero_point.assign(float(parameters[group].zero_point[0]))


def build_network(tied: Tied, formats: Mapping[str, str], where: str, signs: Collection[str] = ()) -> Network:
    """``formats`` has the weight format of each layer by its name in recipes, ``signs`` are the layers that read signs.

    ModelError for what cannot be trained.
    """
    graph = tied.graph
    unbatched = [n for n in tied.group if graph.tensor(n).data is None and graph.tensor(n).shape[:1] != (1,)]
    if unbatched:
        raise ModelError(
            f"{where}: {unbatched[0]} has no dimension for samples", "leave the first dimension of every layer alone"
        )
    ports = [graph.tensor(n) for n in graph.inputs]
    inputs = [keras.Input(t.shape[1:], name=f"input_{i}") for i, t in enumerate(ports)]
    makers = _makers(graph, formats, signs, where)
    # The network's outputs are judged in real numbers: a loss of probabilities in steps of 1/256 has no gradients.
    rounded = {group for name, group in tied.group.items() if name not in graph.outputs}
    grids = {group: FakeQuantize(name=f"grid_{i}") for i, group in enumerate(sorted(rounded))}
    plain = _wire(graph, inputs, makers, lambda name, value: value)

    def on_grid(name: str, value: Any) -> Any:
        return value if name in graph.outputs or name not in tied.group else grids[tied.group[name]](value)

    simulated = _wire(graph, inputs, makers, on_grid)
    weighted = layers_with_weights(graph)
    return Network(
        trained=keras.Model(inputs, [simulated[n] for n in graph.outputs]),
        deployed=keras.Model(inputs, [plain[n] for n in graph.outputs], name=_plain_name(graph.name)),
        layers={node.name: makers[node.name].layer for node in weighted},
        thresholds={node.name: t for node in weighted if (t := makers[node.name].threshold) is not None},
        grids={g: layer for g, layer in grids.items() if layer.built},
        values=plain,
    )


@dataclass(frozen=True, eq=False)
class _Maker:
    """``apply`` maps Keras tensors to one; ``layer`` holds the weights where there are some.

    ``threshold`` comes before a layer that reads signs.
    """

    apply: Callable[..., Any]
    layer: Any = None
    threshold: Any = None


@dataclass(frozen=True)
class _Coding:
    """What a layer with weights multiplies: weights of a format with its inputs or, with ``signs``, their signs."""

    weights: str
    signs: bool


def _plain_name(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def _wire(graph: Graph, inputs: list[Any], makers: Mapping[str, _Maker], after: Callable[[str, Any], Any]) -> Values:
    values: Values = {n: after(n, x) for n, x in zip(graph.inputs, inputs, strict=True)}
    for node in graph.nodes:
        names = [n for n in node.inputs if n and n in values]
        values[node.outputs[0]] = after(node.outputs[0], makers[node.name].apply(*(values[n] for n in names)))
    return values


def _makers(graph: Graph, formats: Mapping[str, str], signs: Collection[str], where: str) -> dict[str, _Maker]:
    taken: set[str] = set()
    made = {}
    for node in graph.nodes:
        name = base = layer_name(node).replace("/", "_")
        while name in taken:
            name = f"{base}_{len(taken)}"
        taken.add(name)
        maker = _MAKERS.get(node.op)
        if maker is None:
            raise ModelError(f"{where}: {node.name} ({node.op}) cannot be trained", "leave this layer out of the model")
        coding = _Coding(formats.get(layer_name(node), ""), layer_name(node) in signs)
        made[node.name] = maker(graph, node, name, coding)
    return made


def _activated(node: Node, function: Callable[..., Any], name: str) -> _Maker:
    """``function``, then the activation that is fused into ``node``."""
    activation = getattr(node.attrs, "activation", "none")
    if activation == "none":
        return _Maker(function)
    layer = _relu(activation, f"{name}_{activation}")
    return _Maker(lambda *x: layer(function(*x)))


def _relu(activation: str, name: str) -> Any:
    if activation == "relu_n1_to_1":
        return lambda x: keras.ops.clip(x, -1.0, 1.0)
    return keras.layers.ReLU(max_value=6.0 if activation == "relu6" else None, name=name)


def _conv(graph: Graph, node: Node, name: str, coding: _Coding) -> _Maker:
    weights = constant(graph, node.inputs[1])
    channels_in = graph.tensor(node.inputs[0]).shape[3]
    layer = QuantConv2D(
        len(weights),
        **_window(node),
        groups=channels_in // weights.shape[3],
        **_common(node, name, coding),
    )
    return _weighted(graph, node, layer, weights.transpose(1, 2, 3, 0))


def _depthwise(graph: Graph, node: Node, name: str, coding: _Coding) -> _Maker:
    weights = constant(graph, node.inputs[1])
    channels_in = graph.tensor(node.inputs[0]).shape[3]
    multiplier = weights.shape[3] // channels_in
    layer = QuantDepthwiseConv2D(**_window(node), depth_multiplier=multiplier, **_common(node, name, coding))
    return _weighted(graph, node, layer, weights.reshape(*weights.shape[1:3], channels_in, multiplier))


def _fully_connected(graph: Graph, node: Node, name: str, coding: _Coding) -> _Maker:
    weights = constant(graph, node.inputs[1])
    layer = QuantDense(len(weights), **_common(node, name, coding))
    shape = graph.tensor(node.inputs[0]).shape
    made = _weighted(graph, node, layer, weights.T)
    if shape[-1] == weights.shape[1]:
        return made
    flat = keras.layers.Reshape((weights.shape[1],), name=f"{name}_flat")
    return _Maker(lambda x: made.apply(flat(x)), layer, made.threshold)


def _weighted(graph: Graph, node: Node, layer: Any, kernel: Any) -> _Maker:
    """``layer`` with the graph's own weights and bias. Its variables appear when it is first called."""

    threshold = Threshold(name=f"{layer.name}_threshold") if layer.binary_inputs else None

    def apply(x: Any) -> Any:
        new = not layer.built
        y = layer(x if threshold is None else threshold(x))
        if new:
            layer.kernel.assign(np.ascontiguousarray(kernel))
            if len(node.inputs) > 2 and node.inputs[2]:
                layer.bias.assign(constant(graph, node.inputs[2]).reshape(-1))
        return y

    if node.attrs.activation == "relu_n1_to_1":
        return _Maker(lambda x: keras.ops.clip(apply(x), -1.0, 1.0), layer, threshold)
    return _Maker(apply, layer, threshold)


def _common(node: Node, name: str, coding: _Coding) -> dict[str, Any]:
    return {
        "activation": _ACTIVATIONS.get(node.attrs.activation),
        "name": name,
        "weight_format": coding.weights,
        "binary_inputs": coding.signs,
        "normalized": coding.weights in _NORMALIZED,
    }


def _window(node: Node) -> dict[str, Any]:
    window = node.attrs.window
    return {
        "kernel_size": window.size,
        "strides": window.stride,
        "dilation_rate": window.dilation,
        "padding": "same" if any(map(sum, window.pads)) else "valid",
    }


def _pool(kind: str) -> Callable[..., _Maker]:
    def make(graph: Graph, node: Node, name: str, _: _Coding) -> _Maker:
        window = node.attrs.window
        padding = "same" if any(map(sum, window.pads)) else "valid"
        layer = getattr(keras.layers, kind)(window.size, strides=window.stride, padding=padding, name=name)
        return _activated(node, layer, name)

    return make


def _binary(function: str) -> Callable[..., _Maker]:
    """ADD and MUL, of two values or with a constant."""

    def make(graph: Graph, node: Node, name: str, _: _Coding) -> _Maker:
        operation = getattr(keras.ops, function)
        fixed = [None if (t := graph.tensor(n)).data is None else np.asarray(t.data) for n in node.inputs]

        def apply(*values: Any) -> Any:
            rest = iter(values)
            return operation(*(next(rest) if c is None else keras.ops.convert_to_tensor(c) for c in fixed))

        return _activated(node, apply, name)

    return make


def _mean(graph: Graph, node: Node, name: str, _: _Coding) -> _Maker:
    kept = len(graph.tensor(node.inputs[0]).shape) == len(graph.tensor(node.outputs[0]).shape)
    reduced = axes(graph, node)
    return _Maker(lambda x: keras.ops.mean(x, axis=reduced, keepdims=kept))


def _pad(graph: Graph, node: Node, name: str, _: _Coding) -> _Maker:
    fill = float(constant(graph, node.inputs[2]).reshape(-1)[0]) if len(node.inputs) > 2 else 0.0
    around = widths(graph, node)
    return _Maker(lambda x: keras.ops.pad(x, around, constant_values=fill))


def _reshape(graph: Graph, node: Node, name: str, _: _Coding) -> _Maker:
    return _Maker(keras.layers.Reshape(_sample(graph.tensor(node.outputs[0])), name=name))


def _concatenate(graph: Graph, node: Node, name: str, _: _Coding) -> _Maker:
    layer = keras.layers.Concatenate(axis=node.attrs.axis, name=name)
    return _Maker(lambda *x: layer(list(x)))


def _sample(tensor: Tensor) -> tuple[int, ...]:
    return tensor.shape[1:]


_MAKERS: Mapping[str, Callable[[Graph, Node, str, _Coding], _Maker]] = {
    "conv2d": _conv,
    "depthwise_conv2d": _depthwise,
    "fully_connected": _fully_connected,
    "average_pool2d": _pool("AveragePooling2D"),
    "max_pool2d": _pool("MaxPooling2D"),
    "add": _binary("add"),
    "mul": _binary("multiply"),
    "mean": _mean,
    "pad": _pad,
    "reshape": _reshape,
    "quantize": lambda graph, node, name, _: _Maker(lambda x: x),
    "relu": lambda graph, node, name, _: _Maker(_relu("relu", name)),
    "relu6": lambda graph, node, name, _: _Maker(_relu("relu6", name)),
    "sign": lambda graph, node, name, _: _Maker(Negative(name=name)),
    "softmax": lambda graph, node, name, _: _Maker(keras.layers.Softmax(name=name)),
    "concatenate": _concatenate,
}
