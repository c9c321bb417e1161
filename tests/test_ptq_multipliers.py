"""Codes that are made larger so that multipliers are small: the same real numbers, in TFLM too."""

from __future__ import annotations

import numpy as np
import pytest
from model_kit import images, small_model
from support import make
from support.case import Case, Choice
from support.flatbuffer import case_model
from support.oracle import run_tflm

from toolchain import reference
from toolchain.exporters.tflite import export_tflite
from toolchain.front import checked_graph
from toolchain.graph import Array, Graph
from toolchain.importers.keras import load_keras
from toolchain.importers.tflite import parse_tflite
from toolchain.ops.common import constant
from toolchain.quantize import grid
from toolchain.quantize.multipliers import with_small_multipliers
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import Recipe, layers_with_weights


def few(name: str, codes: tuple[int, ...], w: float) -> Case:
    return make.conv2d(name, (6, 6, 3), 8, (3, 3), w=w, out=(0.05, 5), weights=Choice(codes), spread=1.5)


def graph_of(content: bytes) -> Graph:
    return checked_graph(parse_tflite(content, "case", "case"), "case")


def multiplier(graph: Graph) -> float:
    """The largest of the only layer."""
    (node,) = layers_with_weights(graph)
    x, weights, out = (graph.tensor(n) for n in (*node.inputs[:2], node.outputs[0]))
    assert weights.quant is not None
    return max(weights.quant.scale) * x.scale / out.scale


def real(graph: Graph) -> list[Array]:
    """Weights and bias."""
    (node,) = layers_with_weights(graph)
    tensors = [graph.tensor(n) for n in node.inputs[1:]]
    return [grid.values(constant(graph, t.name), t.quant) for t in tensors if t.quant]


@pytest.mark.parametrize(("codes", "w", "factor"), [((-1, 0, 1), 1.0, 4), ((-1, 1), 0.3, 1), ((-7, 0, 5), 5.0, 16)])
def test_the_same_numbers_by_smaller_multipliers(codes: tuple[int, ...], w: float, factor: int) -> None:
    before = graph_of(case_model(few("few", codes, w)))
    after = graph_of(export_tflite(with_small_multipliers(before)))
    assert multiplier(after) == pytest.approx(multiplier(before) / factor)
    assert multiplier(after) < 0.5
    (old,), (new,) = layers_with_weights(before), layers_with_weights(after)
    np.testing.assert_array_equal(constant(after, new.inputs[1]), factor * constant(before, old.inputs[1]))
    assert all((a == b).all() for a, b in zip(real(before), real(after), strict=True))
    x = np.random.default_rng(1).integers(-128, 128, (20, 1, 6, 6, 3)).astype(np.int8)
    wanted, found = reference.run(before, [x])[0], reference.run(after, [x])[0]
    assert np.abs(wanted.astype(int) - found).max() <= 1, "rounded in other places"
    np.testing.assert_array_equal(found, run_tflm(export_tflite(after), [x])[0])


@pytest.mark.parametrize(
    "case",
    [few("wide", (-127, 3), 1.0), few("small", (-1, 0, 1), 0.1)],
    ids=["wide", "small"],
)
def test_what_has_no_room_or_no_need_stays(case: Case) -> None:
    graph = graph_of(case_model(case))
    after = with_small_multipliers(graph)
    assert after.nodes == graph.nodes


@pytest.mark.parametrize("weights", ["ternary", "binary"])
def test_quantized_models_have_small_multipliers(weights: str) -> None:
    graph = graph_of(quantize(load_keras(small_model()), images(40), recipe=Recipe(weights=weights, keep_ends=False)))
    for node in layers_with_weights(graph):
        x, w, out = (graph.tensor(n) for n in (*node.inputs[:2], node.outputs[0]))
        assert w.quant is not None
        assert max(w.quant.scale) * x.scale / out.scale < 0.5
        assert len(np.unique(constant(graph, w.name))) <= 3
