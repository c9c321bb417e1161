"""Random graphs of operators that work by rows: images of odd sizes, windows of every kind, branches that meet."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from support.case import Array
from toolchain.graph import Graph, Node, QuantParams, Tensor
from toolchain.ops.common import Window, taps_inside
from toolchain.ops.conv2d import ConvAttrs
from toolchain.ops.elementwise import BinaryAttrs
from toolchain.ops.pool2d import PoolAttrs
from toolchain.verify import check_graph, refusals

Quant = tuple[float, int]
QUANTS: tuple[Quant, ...] = ((0.05, -128), (0.05, -3), (0.04, 0), (0.06, 127))
KERNELS = ((1, 1), (1, 1), (3, 3), (3, 3), (3, 3), (5, 5), (3, 1), (4, 1), (1, 3), (2, 3))
STRIDES = ((1, 1), (1, 1), (1, 1), (2, 2), (2, 1), (1, 2), (3, 3))
CHANNELS = (1, 3, 4, 4, 5, 8, 8, 8, 12)
ACTIVATIONS = ("none", "none", "relu", "relu6")


class Images:
    """Operators one after the other; each reads images that are there already, recent ones more often."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.tensors: dict[str, Tensor] = {}
        self.nodes: list[Node] = []
        rng = self.rng
        shape = (1, int(rng.integers(5, 17)), int(rng.integers(3, 11)), self.pick(CHANNELS))
        self.images = [self.image(shape, self.pick(QUANTS))]

    def pick(self, values: Any) -> Any:
        return values[int(self.rng.integers(len(values)))]

    def image(self, shape: tuple[int, ...], quant: Quant) -> Tensor:
        return self._keep(Tensor(f"t{len(self.tensors)}", shape, "int8", QuantParams((quant[0],), (quant[1],))))

    def constant(self, data: Array, dtype: str, quant: QuantParams) -> str:
        return self._keep(Tensor(f"t{len(self.tensors)}", data.shape, dtype, quant, data.astype(dtype))).name

    def _keep(self, tensor: Tensor) -> Tensor:
        self.tensors[tensor.name] = tensor
        return tensor

    def add(self, op: str, inputs: tuple[str, ...], out: Tensor, attrs: Any = None) -> Tensor:
        self.nodes.append(Node(f"{op}_{len(self.nodes)}", op, inputs, (out.name,), attrs))
        self.images.append(out)
        return out

    def window(self, x: Tensor, largest: tuple[int, int] | None = None, dilated: bool = False) -> Window:
        """Padding as with SAME, VALID, or anything between on each side."""
        rng = self.rng
        size = tuple(min(k, 2 * x.shape[1 + a]) for a, k in enumerate(largest or self.pick(KERNELS)))
        dilation = self.pick(((1, 1), (1, 1), (2, 1), (2, 2))) if dilated else (1, 1)
        stride = (1, 1) if dilation != (1, 1) else self.pick(STRIDES)
        kind = rng.integers(4)
        pads = []
        for axis in (0, 1):
            border = (size[axis] - 1) * dilation[axis]
            least = max(0, border + 1 - x.shape[1 + axis])  # the window must fit somewhere
            before = border // 2 if kind < 2 else 0 if kind == 2 else int(rng.integers(border // 2 + 1))
            after = max(0, least - before) if kind == 2 else int(rng.integers(border - border // 2 + 1))
            if kind < 2:
                after = border - border // 2
            pads.append((before, max(after, least - before)))
        (top, bottom), (left, right) = pads
        return Window((size[0], size[1]), stride, dilation, top, left, bottom, right)

    def fitting(self, x: Tensor, window: Window, channels: int) -> tuple[int, ...]:
        sizes = [
            (x.shape[1 + a] + sum(window.pads[a]) - (window.size[a] - 1) * window.dilation[a] - 1) // window.stride[a]
            + 1
            for a in (0, 1)
        ]
        return (1, *sizes, channels)

    def conv(self, x: Tensor, depthwise: bool, channels: int | None = None, window: Window | None = None) -> Tensor:
        window = window or self.window(x, dilated=True)
        in_c = x.shape[3]
        channels = in_c * self.pick((1, 1, 1, 2)) if depthwise else channels or self.pick(CHANNELS)
        shape = (1, *window.size, channels) if depthwise else (channels, *window.size, in_c)
        taps = math.prod(window.size) * (1 if depthwise else in_c)
        scales = tuple(float(s) for s in np.float32(0.01 * self.rng.uniform(0.4, 2.5, channels)))
        zeros = (0,) * channels
        weights = self.constant(
            self.rng.integers(-127, 128, shape), "int8", QuantParams(scales, zeros, 3 if depthwise else 0)
        )
        bias = self.constant(self.rng.integers(-3000, 3001, channels), "int32", QuantParams(scales, zeros))
        activation = self.pick(ACTIVATIONS)
        quant = (x.scale * 0.01 * math.sqrt(taps) * 100, -128 if activation != "none" else self.pick((-128, -3, 5)))
        op = "depthwise_conv2d" if depthwise else "conv2d"
        out = self.image(self.fitting(x, window, channels), quant)
        return self.add(op, (x.name, weights, bias), out, ConvAttrs(window, activation))

    def pool(self, x: Tensor) -> Tensor:
        window = self.window(x, self.pick(((2, 2), (3, 3), (2, 1), (1, 1))))
        shape = self.fitting(x, window, x.shape[3])
        out = Tensor("", shape, "int8")
        if min(int(n.min()) for n in taps_inside(window, x, out)) < 1:
            return x
        op = self.pick(("average_pool2d", "max_pool2d"))
        return self.add(op, (x.name,), self.image(shape, (x.scale, x.zero_point)), PoolAttrs(window, "none"))

    def sum(self, x: Tensor, y: Tensor) -> Tensor:
        out = self.image(x.shape, (0.08, self.pick((-128, 4))))
        return self.add("add", (x.name, y.name), out, BinaryAttrs(self.pick(("none", "relu"))))

    def residual(self, x: Tensor) -> Tensor:
        """Convolutions that keep the image's shape, and a sum with what they began from."""
        y = x
        for _ in range(self.rng.integers(1, 3)):
            size = self.pick(((3, 3), (3, 3), (1, 1), (5, 1)))
            half = (size[0] // 2, size[1] // 2)
            same = Window(size, (1, 1), (1, 1), *half, *half)
            y = self.conv(y, bool(self.rng.random() < 0.4), x.shape[3], same)
            if y.shape != x.shape:
                return y
        return self.sum(x, y) if self.rng.random() < 0.5 else self.sum(y, x)

    def codewise(self, x: Tensor) -> Tensor:
        op = self.pick(("relu", "relu6", "quantize"))
        quant = (x.scale, x.zero_point) if op == "relu6" else (0.07, self.pick((-128, 3)))
        return self.add(op, (x.name,), self.image(x.shape, quant))

    def view(self, x: Tensor) -> Tensor:
        shape = (1, x.shape[2], x.shape[1], x.shape[3])
        return self.add("reshape", (x.name,), self.image(shape, (x.scale, x.zero_point)))

    def step(self) -> None:
        x = self.images[-1 - min(int(self.rng.exponential(0.6)), len(self.images) - 1)]
        kind = self.rng.random()
        if kind < 0.26:
            self.conv(x, False)
        elif kind < 0.44:
            self.conv(x, True)
        elif kind < 0.62:
            self.pool(x)
        elif kind < 0.77:
            self.residual(x)
        elif kind < 0.84:
            alike = [t for t in self.images if t.shape == x.shape]
            self.sum(x, self.pick(alike))
        elif kind < 0.96:
            self.codewise(x)
        else:
            self.view(x)

    def graph(self) -> Graph:
        made = [n.outputs[0] for n in self.nodes]
        read = {n for node in self.nodes for n in node.inputs}
        outputs = {n for n in made if n not in read or self.rng.random() < 0.06}
        graph = Graph("images", self.tensors, tuple(self.nodes), (self.images[0].name,), tuple(sorted(outputs)))
        check_graph(graph)
        assert not refusals(graph), refusals(graph)
        return graph


def random_images(seed: int) -> Graph:
    """A graph of some 3 to 12 operators."""
    images = Images(seed)
    for _ in range(images.rng.integers(2, 8)):
        images.step()
    return images.graph()
