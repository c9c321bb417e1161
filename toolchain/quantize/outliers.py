"""Which channels clipping hits: weights and activations that lie beyond the grids that were chosen for the many.

A grid that leaves out a few large values has finer steps for all others (Nagel et al., "A White Paper on Neural Network
Quantization", 2021, section 3.1). Which channels pay for it says where to look when accuracy is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph
from toolchain.ops.common import constant
from toolchain.quantize.float_run import Fetch
from toolchain.quantize.recipe import layer_name, layers_with_weights
from toolchain.quantize.ties import rule_of
from toolchain.quantize.weights import as_rows

FAR = 1.5  # times the end of the grid
_SHOWN = 8


@dataclass(frozen=True)
class Clipped:
    """``channels`` of a layer's weights or activations reach beyond the grid, the farthest ``times`` its end."""

    layer: str
    what: str
    channels: tuple[int, ...]
    times: float

    @property
    def text(self) -> str:
        shown = ", ".join(map(str, self.channels[:_SHOWN])) + (", ..." if len(self.channels) > _SHOWN else "")
        many = "channel" if len(self.channels) == 1 else f"{len(self.channels)} channels"
        return f"Clipped {self.what} of {self.layer}: {many} ({shown}), up to {self.times:.1f} times the grid"


def clipped_weights(graph: Graph, floats: Graph) -> list[Clipped]:
    """Of the integer ``graph``, whose nodes are named like those of ``floats``.

    Of -1 and 1, or 0 too, nothing is said: most weights lie beyond these.
    """
    originals = {node.name: node for node in floats.nodes}
    found: list[Clipped] = []
    for node in layers_with_weights(graph):
        weights, axis = graph.tensor(node.inputs[1]), rule_of(node).weights_axis
        assert weights.quant is not None
        assert axis is not None
        rows = as_rows(constant(floats, originals[node.name].inputs[1]), axis)
        highest = int(np.abs(constant(graph, node.inputs[1]).astype(np.int64)).max())
        if highest == 1:
            continue
        ends = np.array(weights.quant.scale) * highest
        found += _clipped(layer_name(node), "weights", np.abs(rows).max(axis=1), ends, np.abs(rows).max())
    return found


class Peaks:
    """The lowest and the highest value of each channel of the layers' outputs, sample by sample."""

    def __init__(self, floats: Graph) -> None:
        names = {node.outputs[0]: layer_name(node) for node in layers_with_weights(floats)}
        self.layers: Mapping[str, str] = names
        self.low: dict[str, Array] = {}
        self.high: dict[str, Array] = {}

    def observe(self, fetch: Fetch) -> None:
        for name in self.layers:
            x = fetch(name)
            flat = x.reshape(-1, x.shape[-1])
            low, high = flat.min(axis=0), flat.max(axis=0)
            self.low[name] = np.minimum(low, self.low.get(name, low))
            self.high[name] = np.maximum(high, self.high.get(name, high))

    def clipped(self, graph: Graph) -> list[Clipped]:
        """Of the layers' outputs in the integer ``graph``, whose tensors have the names of the float ones."""
        found: list[Clipped] = []
        for name, layer in self.layers.items():
            tensor = graph.tensor(name)
            limits = np.iinfo(tensor.dtype)
            ends = tensor.scale * (np.array([limits.min, limits.max]) - tensor.zero_point)
            width = max(float(np.abs(ends).max()), 1e-30)
            beyond = np.maximum(ends[0] - self.low[name], self.high[name] - ends[1])
            reach = np.maximum(beyond, 0.0) + width
            found += _clipped(layer, "activations", reach, np.full(len(reach), width), width)
        return found


def _clipped(layer: str, what: str, peaks: Array, ends: Array, largest: float) -> Sequence[Clipped]:
    """Channels of next to nothing do not count."""
    times = np.where(peaks > 1e-3 * largest, peaks / np.maximum(ends, 1e-30), 0.0)
    channels = tuple(int(c) for c in np.flatnonzero(times > FAR))
    return [Clipped(layer, what, channels, float(times.max()))] if channels else []
