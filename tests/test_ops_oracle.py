"""Every operator's numpy reference gives TFLM's outputs, code by code; where TFLM has none, TFLite's."""

from __future__ import annotations

import numpy as np
import pytest
from cases import all_cases, softmax
from support.case import Case
from support.suite import case_graph, case_inputs, near, oracle_outputs, reference_outputs

from toolchain.ops import registry

CASES = [case for cases in all_cases().values() for case in cases]


def _name(case: Case) -> str:
    return case.id


def test_every_operator_has_cases() -> None:
    covered = {node.op for case in CASES for node in case_graph(case).nodes}
    assert covered == {
        name for name, op in registry().items() if (op.tflite or op.typed or op.instead) and not op.offline
    }


def test_case_names_are_unique() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_most_cases_reach_many_codes() -> None:
    """Outputs that are all the same would hide mistakes."""
    spread = [len(np.unique(reference_outputs(case)[0])) for case in CASES]
    assert np.mean([codes > 20 for codes in spread]) > 0.7


@pytest.mark.parametrize("case", [c for c in CASES if c.oracle_sets != 0], ids=_name)
def test_reference_equals_the_oracle(case: Case) -> None:
    graph = case_graph(case)
    for name, expected, got in zip(graph.outputs, oracle_outputs(case), reference_outputs(case), strict=True):
        got = got[: case.oracle_sets]
        assert got.dtype == expected.dtype == graph.tensor(name).dtype
        assert got.shape == expected.shape
        assert near(got, expected, case.ulps, case.error), f"{(got != expected).sum()} of {got.size} codes differ"


@pytest.mark.parametrize("case", softmax.CASES, ids=_name)
def test_softmax_is_near_the_real_one(case: Case) -> None:
    """Holds where TFLM has no answer, too."""
    graph = case_graph(case)
    x = graph.tensor(graph.inputs[0])
    logits = case_inputs(case)[0].astype(np.float64) * x.scale * graph.nodes[0].attrs.beta
    exps = np.exp(logits - logits.max(axis=-1, keepdims=True))
    real = 256 * exps / exps.sum(axis=-1, keepdims=True) - 128
    assert np.abs(reference_outputs(case)[0] - np.minimum(real, 127)).max() < 1


def test_quantize_saturates_what_is_infinite() -> None:
    (case,) = (c for c in CASES if c.id == "quantize_f32_infinite")
    assert case.oracle_sets is not None
    assert reference_outputs(case)[0][case.oracle_sets :].tolist() == [[[127, -128, 127, -128]]]
