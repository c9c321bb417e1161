"""Signal operators whose outputs are not always there: where they are, they are TFLM's."""

from __future__ import annotations

import numpy as np
import pytest
from cases.signal_streams import CASES, UNSET
from support.case import Case
from support.oracle import run_tflm
from support.suite import case_content, case_inputs, reference_outputs


@pytest.mark.parametrize("case", [case for case in CASES if case.oracle_sets == UNSET], ids=lambda case: case.id)
def test_whole_frames_are_those_of_tflm(case: Case) -> None:
    out, whole = reference_outputs(case)
    theirs, whole_there = run_tflm(case_content(case), case_inputs(case), 2)
    assert 0 < whole.sum() < whole.size
    np.testing.assert_array_equal(whole, whole_there)
    np.testing.assert_array_equal(out[whole], theirs[whole])
