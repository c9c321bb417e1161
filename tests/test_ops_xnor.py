"""Products of signs as bits: which layers qualify, and that their codes are the reference's on every kind of core."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.case import Array, Case, Choice
from support.firmware import (
    build_firmware,
    merge,
    planned_apart,
    planned_over,
    run_on_board,
    run_on_host,
    strict_target,
)
from support.make import RELU, RELU6, VALID, conv2d, fully_connected
from support.suite import case_graph

from toolchain.code_sets import ALL, SIGNS, codes_of
from toolchain.graph import Graph, Node, QuantParams
from toolchain.ops.conv2d_xnor import XNOR
from toolchain.ops.lookup import LookupAttrs
from toolchain.plan import Step
from toolchain.reference import run
from toolchain.select import usable_variants
from toolchain.target import Target
from toolchain.verify import check_graph

W = Choice((-1, 1))
SIGN_TABLE = tuple(-1 if code < 3 else 1 for code in range(-128, 128))
CASES = (
    conv2d("xnor_3x3_32", (5, 6, 32), 9, (3, 3), x=(0.5, 1), weights=W),
    conv2d("xnor_3x3_16_relu", (4, 4, 16), 6, (3, 3), x=(0.5, 1), weights=W, activation=RELU, out=(None, -128)),
    conv2d("xnor_3x3_padded_with_minus_one", (5, 5, 40), 4, (3, 3), x=(0.5, -1), weights=W),
    conv2d("xnor_3x3_valid_any_zero_point", (5, 5, 37), 5, (3, 3), x=(0.5, -77), weights=W, padding=VALID),
    conv2d("xnor_3x3_stride_2_dilated", (9, 7, 3), 5, (3, 3), x=(0.5, 1), weights=W, dilation=(2, 1)),
    conv2d("xnor_5x2_stride_2", (9, 8, 65), 3, (5, 2), x=(0.5, 1), weights=W, stride=(2, 2)),
    conv2d("xnor_1x1_one_channel", (3, 3, 1), 1, (1, 1), x=(0.5, 1), weights=W),
    conv2d("xnor_3x3_dilated_sideways", (4, 8, 21), 5, (3, 3), x=(0.5, -1), weights=W, dilation=(1, 2)),
    conv2d("xnor_1x1_64_no_bias", (3, 4, 64), 64, (1, 1), x=(0.5, 1), weights=W, bias=None),
    conv2d("xnor_1x1_32_stride_2", (5, 5, 32), 6, (1, 1), x=(0.5, 1), weights=W, stride=(2, 2)),
    conv2d("xnor_1x1_48", (3, 4, 48), 6, (1, 1), x=(0.5, 1), weights=W),
    conv2d("xnor_whole_rows", (4, 5, 7), 6, (1, 5), x=(0.5, 3), weights=W, padding=VALID),
    conv2d("xnor_3x3_left_shifts", (4, 4, 20), 7, (3, 3), x=(0.5, 1), weights=W, w=0.4, out=(0.05, -3)),
    conv2d("xnor_3x3_right_shifts", (5, 5, 33), 7, (3, 3), x=(0.5, 1), weights=W, out=(3.0, -60)),
    conv2d("xnor_3x3_of_eights", (5, 5, 20), 6, (3, 3), x=(0.5, 1), weights=Choice((-8, 8))),
    conv2d("xnor_3x3_clamped", (5, 5, 20), 5, (3, 3), x=(0.5, 1), weights=W, activation=RELU6, out=(0.06, -40)),
    conv2d("xnor_larger_than_image", (2, 1, 33), 4, (3, 3), x=(0.5, 1), weights=W),
    fully_connected("xnor_dense_300", (1, 300), 20, x=(0.5, 1), weights=W),
    fully_connected("xnor_dense_31_rows", (3, 31), 7, x=(0.5, -5), weights=W),
)


def of_signs(case: Case, table: Sequence[int] = SIGN_TABLE) -> Graph:
    """The case behind a table, by which its input holds other codes than any."""
    graph = case_graph(case)
    (name,) = graph.inputs
    source = dataclasses.replace(graph.tensor(name), name=f"{name}_any", quant=QuantParams((0.1,), (3,)))
    first = Node(f"{case.id}_signs", "lookup", (source.name,), (name,), LookupAttrs(tuple(table)))
    made = dataclasses.replace(
        graph, tensors={**graph.tensors, source.name: source}, nodes=(first, *graph.nodes), inputs=(source.name,)
    )
    check_graph(made)
    return made


GRAPHS = {case.id: of_signs(case) for case in CASES}


def _inputs(graph: Graph, samples: int = 3) -> list[Array]:
    rng = np.random.default_rng(8)
    return [rng.integers(-128, 128, (samples, *graph.tensor(n).shape)).astype(np.int8) for n in graph.inputs]


def _steps(graph: Graph, target: Target) -> tuple[Step, ...]:
    """The kernel under test where it can be, the cheapest of the other nodes."""
    steps = []
    for node in graph.nodes:
        variants = usable_variants(graph, node, target)
        variant = next((v for v in variants if v.name == XNOR.name), variants[0])
        steps.append(Step(node, variant, variant.lower(graph, node), 0))
    return tuple(steps)


def _check(target_name: str, folder: Path, over: bool, every: int = 1) -> None:
    """The cases, or one of so many, in one firmware, by the kernel under test."""
    target = strict_target(target_name)
    graphs = dict(list(GRAPHS.items())[::every])
    graph = merge(graphs, "xnor")
    steps = _steps(graph, target)
    assert sum(step.variant is not None and step.variant.name == XNOR.name for step in steps) == len(graphs)
    plan, gaps = (planned_over(graph, steps), ()) if over else planned_apart(graph, steps)
    on_host = target_name == "host"
    firmware = build_firmware(plan, target, folder / "build", sanitize=on_host, gaps=gaps)
    inputs = _inputs(graph)
    found = (run_on_host if on_host else run_on_board)(firmware, graph, target, inputs)
    for name, got, expected in zip(graphs, found, run(graph, inputs), strict=True):
        np.testing.assert_array_equal(got, expected, err_msg=name)


@pytest.mark.parametrize("over", [False, True])
def test_c_on_this_computer_equals_the_reference(over: bool, tmp_path: Path) -> None:
    """With sanitizers; once with all tensors apart, once with outputs over inputs where the kernel says it may."""
    _check("host", tmp_path, over)


@pytest.mark.parametrize(("target", "every"), [("stm32", 1), ("microbit", 3)])
def test_emulated_cores_equal_the_reference(target: str, every: int, tmp_path: Path) -> None:
    """The micro:bit has room for some of the cases."""
    _check(target, tmp_path, over=True, every=every)


def _supported(graph: Graph) -> bool:
    return XNOR.supports(graph, graph.nodes[-1])


def test_all_codes_must_be_signs() -> None:
    case = CASES[0]
    assert _supported(of_signs(case))
    assert not _supported(case_graph(case)), "an input may hold every code"
    assert not _supported(of_signs(case, (*SIGN_TABLE[:-1], 2))), "one code of 256 gives another one"
    assert not _supported(of_signs(conv2d("ternary", (5, 6, 32), 9, (3, 3), x=(0.5, 1), weights=Choice((-1, 0, 1)))))
    assert not _supported(of_signs(conv2d("uneven", (5, 6, 32), 9, (3, 3), x=(0.5, 1), weights=Choice((-8, 4)))))
    assert not _supported(of_signs(conv2d("padded", (5, 6, 32), 9, (3, 3), x=(0.5, 0), weights=W))), "0 is no sign"
    assert not _supported(_with_bias(of_signs(case), 1 << 30)), "shifted sums would overflow"
    assert _supported(_with_bias(of_signs(case), 1 << 20))


def _with_bias(graph: Graph, value: int) -> Graph:
    bias = graph.tensor(graph.nodes[-1].inputs[2])
    changed = dataclasses.replace(bias, data=np.full(bias.shape, value, np.int32))
    return dataclasses.replace(graph, tensors={**graph.tensors, bias.name: changed})


def test_code_sets_go_through_what_hands_codes_on() -> None:
    graph = of_signs(CASES[0])
    source, signs, out = graph.inputs[0], graph.nodes[0].outputs[0], graph.outputs[0]
    assert codes_of(graph, source) == ALL
    assert codes_of(graph, signs) == SIGNS
    assert codes_of(graph, out) == ALL
    weights = graph.nodes[1].inputs[1]
    assert codes_of(graph, weights) == SIGNS
    t = graph.tensor(signs)
    again = dataclasses.replace(t, name="again")
    doubled = tuple(max(2 * code, -128) if code < 64 else 127 for code in range(-128, 128))
    more = Node("more", "lookup", (signs,), ("again",), LookupAttrs(doubled))
    longer = dataclasses.replace(graph, tensors={**graph.tensors, "again": again}, nodes=(*graph.nodes, more))
    assert codes_of(longer, "again") == {-2, 2}
