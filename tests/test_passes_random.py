"""Random graphs of what reductions look for: whatever they make of them, no code differs."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from support import make
from support.case import Choice, Exact, Operator, TensorSpec, input_sets
from support.flatbuffer import write_model

from toolchain.front import checked_graph
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import REDUCTIONS, reduce
from toolchain.reference import run
from toolchain.verify import check_graph, refusals

GRAPHS = 60
QUANTS = ((0.05, -3), (0.05, -128), (0.1, -128), (0.0501, -3), (0.02, 127), (0.4, 0))
Rng = np.random.Generator


def _quant(x: TensorSpec) -> make.Quant:
    return x.scale[0], x.zero_point[0]


def _new_quant(rng: Rng, x: TensorSpec) -> make.Quant:
    """Often the old one."""
    return _quant(x) if rng.random() < 0.5 else QUANTS[rng.integers(len(QUANTS))]


def _pick(rng: Rng, *values: int) -> int:
    return int(rng.choice(values))


def _image(x: TensorSpec) -> tuple[int, int, int]:
    assert len(x.shape) == 4
    return x.shape[1], x.shape[2], x.shape[3]


def _on(operator: Operator, x: TensorSpec) -> Operator:
    return dataclasses.replace(operator, inputs=(x, *operator.inputs[1:]))


def _pad(rng: Rng, x: TensorSpec) -> Operator:
    sides = [(0, 0), *((_pick(rng, 0, 1, 1, 2), _pick(rng, 0, 1, 1, 2)) for _ in (0, 1)), (0, _pick(rng, 0, 0, 0, 1))]
    widths = TensorSpec((4, 2), "int32", data=Exact(tuple(n for side in sides for n in side)))
    out = make.act(tuple(d + sum(s) for d, s in zip(x.shape, sides, strict=True)), _quant(x))
    if rng.random() < 0.7:
        return Operator("PAD", (x, widths), (out,))
    fill = make.act((1,), _quant(x), Choice((_pick(rng, -128, _quant(x)[1], 5),)))
    return Operator("PADV2", (x, widths, fill), (out,))


def _conv(rng: Rng, x: TensorSpec) -> Operator:
    image = _image(x)
    kernel = tuple(min(_pick(rng, 1, 2, 3, 3, 5), side) for side in image[:2])
    stride = _pick(rng, 1, 2)
    options = {
        "stride": (stride, stride),
        "padding": _pick(rng, make.SAME, make.VALID),
        "activation": _pick(rng, make.NONE, make.RELU, make.RELU6, make.RELU_N1_TO_1),
        "x": _quant(x),
        "out": (None, _pick(rng, -128, -128, -20, 5)),
    }
    if rng.random() < 0.5:
        return _on(make.depthwise("dw", image, (kernel[0], kernel[1]), **options).operator, x)
    return _on(make.conv2d("conv", image, _pick(rng, 3, 4, 8), (kernel[0], kernel[1]), **options).operator, x)  # type: ignore[arg-type]


def _pool(rng: Rng, x: TensorSpec) -> Operator:
    image = _image(x)
    size, stride = min(_pick(rng, 1, 2, 2, 3), *image[:2]), _pick(rng, 1, 2)
    activation, padding = _pick(rng, make.NONE, make.NONE, make.RELU), _pick(rng, make.VALID, make.VALID, make.SAME)
    case = make.pool(
        "pool",
        image,
        (size, size),
        stride=(stride, stride),
        padding=padding,
        activation=activation,
        quant=_quant(x),
        largest=bool(rng.random() < 0.7),
    )
    return _on(case.operator, x)


def _clamp(rng: Rng, x: TensorSpec) -> Operator:
    builtin = str(rng.choice(["RELU", "RELU6", "QUANTIZE"]))
    quant = _quant(x) if builtin == "RELU6" else _new_quant(rng, x)
    return Operator(builtin, (x,), (make.act(x.shape, quant),))


def _number(rng: Rng, x: TensorSpec) -> Operator:
    scale, code = ((1 / 127, 127), (0.01, 0), (0.02, -70))[rng.integers(3)]
    builtin = str(rng.choice(["ADD", "MUL"]))
    operands = (x, make.act((), (scale, 0), Exact((code,))))
    return Operator(
        builtin,
        operands if rng.random() < 0.5 else operands[::-1],
        (make.act(x.shape, _new_quant(rng, x)),),
        {"fusedActivationFunction": _pick(rng, make.NONE, make.NONE, make.RELU)},
    )


def _view(rng: Rng, x: TensorSpec) -> Operator:
    shape = (1, x.shape[2], x.shape[1], x.shape[3]) if rng.random() < 0.8 else x.shape
    return Operator("RESHAPE", (x, make.numbers(*shape)), (make.act(shape, _quant(x)),))


def _alone(rng: Rng, x: TensorSpec) -> Operator:
    return Operator("CONCATENATION", (x,), (make.act(x.shape, _quant(x)),), {"axis": 3})


STEPS: tuple[Callable[[Rng, TensorSpec], Operator], ...] = (
    *(_pad, _pad, _conv, _conv, _conv, _pool, _pool),
    *(_clamp, _clamp, _clamp, _number, _view, _alone),
)


def random_operators(rng: Rng) -> list[Operator]:
    """A tree of operators over one small image: now and then one reads a tensor that others read too."""
    tensors = [make.act((1, _pick(rng, 5, 6, 7), _pick(rng, 5, 6), _pick(rng, 1, 3, 4)), QUANTS[rng.integers(3)])]
    operators: list[Operator] = []
    for _ in range(rng.integers(3, 9)):
        source = tensors[-1] if rng.random() < 0.85 else tensors[rng.integers(len(tensors))]
        operators.append(STEPS[rng.integers(len(STEPS))](rng, source))
        tensors.append(operators[-1].outputs[0])
        if rng.random() < 0.1:
            twin = dataclasses.replace(operators[-1].outputs[0])
            operators.append(dataclasses.replace(operators[-1], outputs=(twin,)))
            both = (tensors[-1], twin)
            operators.append(Operator("ADD", both, (make.act(twin.shape, _new_quant(rng, twin)),)))
            tensors.append(operators[-1].outputs[0])
    return operators


def check(seed: int) -> Counter[str]:
    """Reduces the graph of a seed and compares; how often each pass did something."""
    operators = random_operators(np.random.default_rng(seed))
    name = f"seed {seed}"
    graph = checked_graph(parse_tflite(write_model(operators, name), name, name), name)
    inputs = input_sets(graph, name)
    expected = run(graph, inputs)
    done = Counter(r.run.__name__ for r in REDUCTIONS if r.run(graph) is not graph)
    reduced = reduce(graph)
    check_graph(reduced)
    assert refusals(reduced) == []
    assert (reduced.inputs, reduced.outputs) == (graph.inputs, graph.outputs)
    for output, a, b in zip(graph.outputs, expected, run(reduced, inputs), strict=True):
        before, after = graph.tensor(output), reduced.tensor(output)
        assert (before.shape, before.quant) == (after.shape, after.quant)
        assert np.array_equal(a, b), output
    return done


def test_nothing_changes() -> None:
    done: Counter[str] = Counter()
    for seed in range(GRAPHS):
        done += check(seed)
    rare = {"merge_pooling", "remove_constant_channels", "move_transposes"}
    assert all(done[r.run.__name__] >= 2 for r in REDUCTIONS if r.run.__name__ not in rare), done


@pytest.mark.parametrize("reduction", REDUCTIONS, ids=lambda r: r.run.__name__)
def test_the_second_time_changes_nothing(reduction: object) -> None:
    for seed in range(0, GRAPHS, 6):
        operators = random_operators(np.random.default_rng(seed))
        reduced = reduce(checked_graph(parse_tflite(write_model(operators), "r", "r"), "r"))
        assert reduction.run(reduced) is reduced  # type: ignore[attr-defined]
