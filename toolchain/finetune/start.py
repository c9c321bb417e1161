"""Where training starts: the float weights in their formats, and each channel's sums with the float model's moments.

Few codes change the mean and the variance of what a layer hands on. As batch normalization is folded, nothing puts them
right later, so scales and biases are set layer by layer, each with all layers before it as they are now.
Sources: Nagel et al. 2019, section 4.2 (means); re-estimated batch normalization does the same to both moments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from toolchain.finetune.network import Network
from toolchain.graph import Array, Graph
from toolchain.importers.tensorflow import keras3
from toolchain.quantize.formats import INT8, codebook_bits
from toolchain.quantize.lloyd import kmeans, nearest
from toolchain.quantize.recipe import layers_with_weights
from toolchain.quantize.weights import coded

keras = keras3()

LATENT_MEAN = 0.5  # mean magnitude of the weights under a sign: so many steps of the learning rate until one turns
_RATIOS = (1e-3, 1e3)  # a dead channel's variance says nothing
_LEAST = 1e-6


def start(network: Network, graph: Graph, inputs: Mapping[str, Array], columns: Sequence[Array]) -> None:
    """Set the layers of ``network``, which hold the float weights of ``graph``.

    ``columns`` are real inputs, and ``inputs`` what the float model makes of them: the values of every tensor that a
    layer with weights reads.
    """
    for node in layers_with_weights(graph):
        layer = network.layers[node.name]
        kernel = np.asarray(layer.kernel)
        bias = np.asarray(layer.bias)
        wanted = _sums(layer, layer.linear, inputs[node.inputs[0]], kernel) + bias
        set_weights(layer, kernel)
        if layer.weight_format == INT8:
            continue
        probe = keras.Model(network.deployed.inputs, network.values[node.inputs[0]])
        x = keras.ops.convert_to_numpy(probe(list(columns)))
        if node.name in network.thresholds:
            x = _start_threshold(network.thresholds[node.name], x)
        codes, scales = (np.asarray(t) for t in layer.raw_kernel(training=False))
        _match(layer, wanted, _sums(layer, partial(layer.products, training=False), x, codes * scales))


def _start_threshold(threshold: Any, x: Array) -> Array:
    """Let signs turn at the mean of ``x``, and gradients reach as far as its values deviate. ``x`` as it is then.

    The median is 0 behind many a ReLU, where all signs would be +1.
    """
    mean, deviation = float(x.mean()), float(x.std())
    threshold.offset.assign([-mean])
    threshold.reach.assign([max(deviation, _LEAST)])
    shifted: Array = x - mean
    return shifted


def _sums(layer: Any, add_up: Callable[[Any, Any], Any], x: Array, kernel: Array) -> Array:
    """What the layer adds up of its inputs ``x``, without its bias, (positions, channels)."""
    if isinstance(layer, keras.layers.Dense):
        x = x.reshape(-1, kernel.shape[0])
    sums = np.asarray(add_up(keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(kernel)))
    result: Array = sums.reshape(-1, sums.shape[-1])
    return result


def _match(layer: Any, wanted: Array, found: Array) -> None:
    """Scales and biases with which the sums ``found`` have the means and deviations of those ``wanted``.

    A normalized layer has these deviations and means as its own.
    """
    deviation, mean = np.maximum(wanted.std(axis=0), _LEAST), wanted.mean(axis=0)
    ratio = np.clip(deviation / np.maximum(found.std(axis=0), _LEAST), *_RATIOS)
    if layer.normalized:
        layer.log_scale.assign(np.log(deviation).reshape(layer.log_scale.shape))
        layer.mean.assign(found.mean(axis=0))
        layer.variance.assign(np.square(deviation / ratio))
        layer.bias.assign(mean)
    else:
        layer.log_scale.assign_add(np.log(ratio).reshape(layer.log_scale.shape))
        layer.bias.assign(mean - ratio * found.mean(axis=0))


def set_weights(layer: Any, kernel: Array) -> None:
    """The float ``kernel`` in the layer's format, near its values; scales are set so that latent weights are near 1."""
    summed = layer.summed
    peak = _positive(np.abs(kernel).max(axis=summed))
    bits = codebook_bits(layer.weight_format)
    if bits:
        layer.kernel.assign(kernel)
        found = kmeans(kernel / peak, 1 << bits, np.broadcast_to(peak**2, kernel.shape))
        layer.codebook.assign(np.pad(found, (0, (1 << bits) - len(found)), mode="edge"))
        layer.indices.assign(nearest(kernel / peak, found))
        return
    unit: Array = peak
    if layer.weight_format in ("ternary", "binary"):
        unit = _positive(np.abs(kernel).mean(axis=summed)) / LATENT_MEAN
    else:
        if layer.weight_format == "int4":
            rows = kernel.reshape(-1, peak.size).T.astype(np.float64)
            unit = 7 * coded(rows, "int4", np.ones_like(rows)).scale.astype(np.float32).reshape(peak.shape)
        kernel = np.clip(kernel, -unit, unit)
    layer.kernel.assign(kernel / unit)
    if not layer.normalized:
        layer.log_scale.assign(np.log(unit))


def _positive(x: Array) -> Array:
    result: Array = np.where(x > 0, x, 1.0)
    return result
