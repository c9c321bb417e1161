"""Constant channels vanish and no output code changes, for random and extreme inputs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from toolchain.graph import Graph, Node, QuantParams, Tensor
from toolchain.inspection import total_macs
from toolchain.ops.common import Window
from toolchain.ops.conv2d import ConvAttrs
from toolchain.ops.fully_connected import FullyConnectedAttrs
from toolchain.ops.pool2d import PoolAttrs
from toolchain.passes.constant_channels import remove_constant_channels
from toolchain.passes.intervals import code_intervals
from toolchain.reference import run
from toolchain.verify import check_graph, refusals

SIDE = 6


@dataclasses.dataclass
class Net:
    """A chain of layers over (1, SIDE, SIDE, channels), built one after the other."""

    rng: np.random.Generator
    tensors: dict[str, Tensor] = dataclasses.field(default_factory=dict)
    nodes: list[Node] = dataclasses.field(default_factory=list)
    last: str = "x"

    def input(self, channels: int) -> Net:
        self.tensors["x"] = Tensor("x", (1, SIDE, SIDE, channels), "int8", QuantParams((0.05,), (3,)))
        return self

    def conv(
        self, op: str, channels: int, kernel: int, dead: int, zero_point: int = -128, low: int = -(1 << 20)
    ) -> Net:
        """A convolution with ReLU whose first ``dead`` channels have the bias ``low``."""
        x = self.tensors[self.last]
        depthwise = op == "depthwise_conv2d"
        shape = (1, kernel, kernel, channels) if depthwise else (channels, kernel, kernel, x.shape[3])
        scales = tuple(float(np.float32(s)) for s in self.rng.uniform(0.002, 0.01, channels))
        bias = self.rng.integers(-2000, 2000, channels).astype(np.int32)
        bias[self.rng.permutation(channels)[:dead]] = low
        weights = self.rng.integers(-127, 128, shape).astype(np.int8)
        self._constant("w", weights, "int8", QuantParams(scales, (0,) * channels, 3 if depthwise else 0))
        self._constant("b", bias, "int32", QuantParams(scales, (0,) * channels))
        half = kernel // 2
        window = Window((kernel, kernel), (1, 1), (1, 1), half, half, half, half)
        out = Tensor(self._name("y"), (1, SIDE, SIDE, channels), "int8", QuantParams((0.04,), (zero_point,)))
        return self._add(op, (self.last, self._name("w"), self._name("b")), out, ConvAttrs(window, "relu"))

    def head(self, classes: int) -> Net:
        """Average pooling, flatten, fully connected."""
        x = self.tensors[self.last]
        channels = x.shape[3]
        window = Window((SIDE, SIDE), (SIDE, SIDE), (1, 1), 0, 0, 0, 0)
        pooled = Tensor(self._name("y"), (1, 1, 1, channels), "int8", x.quant)
        self._add("average_pool2d", (self.last,), pooled, PoolAttrs(window, "none"))
        self._add("reshape", (self.last,), Tensor(self._name("y"), (1, channels), "int8", x.quant), None)
        self._constant("w", self.rng.integers(-127, 128, (classes, channels)), "int8", QuantParams((0.01,), (0,)))
        self._constant("b", self.rng.integers(-999, 999, classes), "int32", QuantParams((0.01,), (0,)))
        out = Tensor(self._name("y"), (1, classes), "int8", QuantParams((0.1,), (-7,)))
        attrs = FullyConnectedAttrs("none", True)
        return self._add("fully_connected", (self.last, self._name("w"), self._name("b")), out, attrs)

    def graph(self) -> Graph:
        return Graph("net", self.tensors, tuple(self.nodes), ("x",), (self.last,))

    def _name(self, what: str) -> str:
        return f"{what}{len(self.nodes)}"

    def _constant(self, what: str, data: np.ndarray, dtype: str, quant: QuantParams) -> None:
        name = self._name(what)
        self.tensors[name] = Tensor(name, data.shape, dtype, quant, data.astype(dtype))

    def _add(self, op: str, inputs: tuple[str, ...], out: Tensor, attrs: object) -> Net:
        self.tensors[out.name] = out
        self.nodes.append(Node(f"{op}_{len(self.nodes)}", op, inputs, (out.name,), attrs))
        self.last = out.name
        return self


def _inputs(graph: Graph, seed: int) -> np.ndarray:
    shape = graph.tensor("x").shape
    x = np.random.default_rng(seed).integers(-128, 128, (24, *shape)).astype(np.int8)
    x[0], x[1], x[2] = -128, 127, graph.tensor("x").zero_point
    x[3] = np.where(np.indices(shape).sum(axis=0) % 2, -128, 127)
    return x


def _check_exact(before: Graph, after: Graph, seed: int) -> None:
    assert not refusals(before)
    check_graph(after)
    x = _inputs(before, seed)
    expected, got = run(before, [x])[0], run(after, [x])[0]
    assert len(np.unique(expected)) > 20, "the outputs say nothing"
    assert np.array_equal(expected, got)


@pytest.mark.parametrize("seed", range(8))
def test_dead_channels_vanish_exactly(seed: int) -> None:
    net = Net(np.random.default_rng(seed)).input(3)
    net.conv("conv2d", 16, 3, dead=5).conv("depthwise_conv2d", 16, 3, dead=3)
    net.conv("conv2d", 24, 1, dead=17).conv("depthwise_conv2d", 24, 3, dead=0).conv("conv2d", 12, 3, dead=2)
    graph = net.head(10).graph()
    reduced = remove_constant_channels(graph)
    assert total_macs(reduced) < 0.85 * total_macs(graph)
    assert all(t.shape[-1] % 4 == 0 for t in reduced.tensors.values() if t.name.startswith("y") and len(t.shape) == 4)
    _check_exact(graph, reduced, seed)


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_channels_that_hold_another_code_go_only_where_nothing_is_padded(seed: int, kernel: int) -> None:
    """A bias far above the range makes channels hold 127, which counts inside the image and not at its border."""
    net = Net(np.random.default_rng(seed)).input(3).conv("conv2d", 12, 1, dead=8, low=1 << 20)
    graph = net.conv("conv2d", 8, kernel, dead=0, zero_point=-128).head(5).graph()
    reduced = remove_constant_channels(graph)
    assert (total_macs(reduced) < total_macs(graph)) == (kernel == 1)
    _check_exact(graph, reduced, seed)


def test_one_group_of_channels_is_left_of_a_tensor_that_never_changes() -> None:
    net = Net(np.random.default_rng(0)).input(3).conv("conv2d", 16, 1, dead=0).conv("conv2d", 12, 1, dead=12)
    graph = net.graph()
    assert remove_constant_channels(graph) is graph, "an output keeps its channels"
    whole = net.conv("conv2d", 8, 1, dead=0).graph()
    reduced = remove_constant_channels(whole)
    assert reduced.tensor("y1").shape[-1] == 4
    x = _inputs(whole, 1)
    assert np.array_equal(run(whole, [x])[0], run(reduced, [x])[0])


@pytest.mark.parametrize("seed", range(8))
def test_intervals_hold_every_code(seed: int) -> None:
    net = Net(np.random.default_rng(seed)).input(4).conv("conv2d", 12, 3, dead=4, zero_point=-100)
    graph = net.conv("depthwise_conv2d", 12, 3, dead=2).conv("conv2d", 8, 1, dead=3).head(6).graph()
    intervals = code_intervals(graph)
    names = [n.outputs[0] for n in graph.nodes[:-1]]
    values = run(graph, [_inputs(graph, seed)], keep=names)[1:]
    for name, codes in zip(names, values, strict=True):
        per_channel = codes.reshape(-1, codes.shape[-1])
        assert np.all(per_channel.min(axis=0) >= intervals[name].low), name
        assert np.all(per_channel.max(axis=0) <= intervals[name].high), name
    assert intervals[names[0]].constant.sum() >= 4


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_other_types_keep_their_channels(dtype: str) -> None:
    """Pooling to one pixel and a RESHAPE hand on channels in every type; only codes of int8 have bounds."""
    net = Net(np.random.default_rng(0)).input(3).conv("conv2d", 8, 1, dead=8).head(5)
    tensors = {n: t if t.data is not None else dataclasses.replace(t, dtype=dtype) for n, t in net.tensors.items()}
    graph = dataclasses.replace(net.graph(), tensors=tensors)
    graph = graph.with_nodes(
        [dataclasses.replace(n, op=n.op if n.op == "reshape" else "x") for n in graph.nodes], tensors
    )
    assert remove_constant_channels(graph) is graph
