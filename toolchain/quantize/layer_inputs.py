"""What a layer's weights are multiplied by, as rows of a matrix: a sample of all samples and positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.common import Window
from toolchain.ops.transpose_conv import gathered
from toolchain.quantize.least_squares import Moments

MOST_ROWS = 1 << 15
_CHUNK = 16  # samples at a time


@dataclass(frozen=True, eq=False)
class LayerInputs:
    """Rows (rows, n) of the float32 ``floats`` and of the real values ``quantized`` at the same places.

    (rows, channels, n) where each channel has inputs of its own. Padding is 0.0.
    """

    floats: Array
    quantized: Array

    def of(self, channels: slice) -> LayerInputs:
        """What these output channels read."""
        if self.floats.ndim == 2:
            return self
        return LayerInputs(self.floats[:, channels], self.quantized[:, channels])

    def moments(self, centered: bool) -> Moments:
        """Second moments, around the means when ``centered``: for a bias that takes care of these."""
        x, q = (a.astype(np.float64) for a in (self.floats, self.quantized))
        if centered:
            x, q = x - x.mean(axis=0), q - q.mean(axis=0)
        if x.ndim == 2:
            return Moments(q.T @ q / len(q), q.T @ x / len(q))
        x, q = x.transpose(1, 0, 2), q.transpose(1, 0, 2)
        turned = q.transpose(0, 2, 1)
        return Moments(turned @ q / q.shape[1], turned @ x / q.shape[1])


def layer_inputs(graph: Graph, node: Node, floats: Array, quantized: Array, seed: int = 0) -> LayerInputs:
    """At most ``MOST_ROWS`` rows from inputs of ``node`` (samples, *shape without the batch), the same from both."""
    rng = np.random.default_rng(seed)
    parts = [
        (_rows(graph, node, floats[chunk], places), _rows(graph, node, quantized[chunk], places))
        for chunk, places in _places(graph, node, len(floats), rng)
    ]
    return LayerInputs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _places(graph: Graph, node: Node, samples: int, rng: np.random.Generator) -> Iterator[tuple[slice, Array]]:
    """Samples by chunks, each with the output positions to look at."""
    positions = 1
    if node.op != "fully_connected":
        _, height, width, _ = graph.tensor(node.outputs[0]).shape
        positions = height * width
    count = min(positions, max(1, MOST_ROWS // samples))
    for start in range(0, samples, _CHUNK):
        yield slice(start, start + _CHUNK), np.sort(rng.choice(positions, count, replace=False))


def _rows(graph: Graph, node: Node, x: Array, places: Array) -> Array:
    if node.op == "fully_connected":
        flat: Array = x.reshape(-1, graph.tensor(node.inputs[1]).shape[1]).astype(np.float32)
        return flat
    window: Window = node.attrs.window
    _, height, width, _ = graph.tensor(node.outputs[0]).shape
    if node.op == "transpose_conv":
        taps = gathered(x.astype(np.float32), window, (height, width))[:, places // width, places % width]
        reaching: Array = taps.reshape(taps.shape[0] * taps.shape[1], -1)
        return reaching
    (top, bottom), (left, right) = window.pads
    padded = np.pad(x.astype(np.float32), ((0, 0), (top, bottom), (left, right), (0, 0)))
    rows = places[:, None] // width * window.stride[0] + np.arange(window.size[0]) * window.dilation[0]
    cols = places[:, None] % width * window.stride[1] + np.arange(window.size[1]) * window.dilation[1]
    picked = padded[:, rows[:, :, None], cols[:, None, :], :]  # samples, places, kernel_h, kernel_w, channels
    picked = picked.reshape(-1, *picked.shape[2:])
    if node.op != "depthwise_conv2d":
        whole: Array = picked.reshape(len(picked), -1)
        return whole
    repeats = graph.tensor(node.inputs[1]).shape[3] // x.shape[3]
    own: Array = np.repeat(picked, repeats, axis=3).reshape(len(picked), -1, x.shape[3] * repeats).transpose(0, 2, 1)
    return own
