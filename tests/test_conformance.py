"""The numbers of ``make conformance``: what is counted, and that a difference is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import conformance
import pytest
from cases import all_cases, relu
from conformance import Row
from randoms import all_strategies, by_family
from support import examine, kernels
from support.case import Array
from support.suites import merged


def _silent(text: str) -> None:
    raise AssertionError(text)


def test_every_case_has_a_family() -> None:
    families = conformance.family_of()
    cases = [case for suite in all_cases().values() for case in suite]
    found = {families.get(case.operator.builtin, conformance.OTHERS) for case in cases}
    assert found == set(by_family())


def test_codes_of_each_way_are_counted() -> None:
    case = relu.CASES[0]
    graph, inputs = merged([case], "one")
    samples = len(inputs[0]) * graph.tensor(graph.outputs[0]).size
    row = conformance.examined(Row("relu"), case, _silent)
    ways = len(list(examine.ways(graph)))
    assert ways == 2, "apart and in place"
    assert row == Row("relu", oracle_codes=samples, host_codes=2 * samples)


def test_random_cases_are_counted() -> None:
    row = conformance.with_examples(Row("relu"), all_strategies()["RELU"], 5, _silent)
    assert row.examples == 5
    assert 0 < row.oracle_codes <= row.host_codes
    assert row.differing == 0


def test_what_differs_is_counted_and_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def wrong(*args: Any) -> list[Array]:
        outputs = [x.copy() for x in right(*args)]
        outputs[0].reshape(-1)[:3] ^= 1
        return outputs

    right = kernels.run_steps
    monkeypatch.setattr(examine, "run_steps", wrong)
    said: list[str] = []
    row = conformance.examined(Row("relu"), relu.CASES[0], said.append)
    assert row.differing == 6
    assert "3 of 432 codes differ, the first at [0, 0, 0, 0] of sample 0" in said[0]
    assert "Case(id='relu_same', operator=Operator(builtin='RELU'" in said[0]
    monkeypatch.setattr(conformance, "measure", lambda *args: [row, conformance.total("total", [row, row])])
    monkeypatch.setattr("sys.argv", ["conformance", "--out", str(tmp_path)])
    assert conformance.main() == 1
    assert "| total | - | - | - | - | 864 | 1,728 | - | 12 |" in (tmp_path / "conformance.md").read_text()
