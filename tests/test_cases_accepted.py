"""Every case of an operator on integers is a model that mcuforge takes as a user gives it, but for those named here."""

from __future__ import annotations

import pytest
from cases import all_cases
from support.flatbuffer import case_model

from toolchain.errors import ModelError
from toolchain.front import checked_graph
from toolchain.importers.float_tflite import is_float_tflite
from toolchain.importers.reading import Reading
from toolchain.importers.tflite import parse_tflite
from toolchain.importers.tflite_forms import usual_form

CASES = all_cases()
# What comes from outside has one scale, whatever the kernels can.
REFUSED = {
    "conv_3x3_4_to_3_of_operand": "has 3 scales and is not a constant",
    "conv_3x3_stride_2_groups_2_of_operand": "has 6 scales and is not a constant",
    "conv_3x3_4_to_3_of_operand_s16": "has 3 scales and is not a constant",
    "fc_per_channel_of_operand": "has 6 scales and is not a constant",
}


def _refusal(content: bytes, name: str) -> str:
    try:
        checked_graph(parse_tflite(usual_form(content, name, Reading()), name, name), name)
    except ModelError as error:
        return error.problem
    return ""


@pytest.mark.parametrize("suite", CASES)
def test_cases_are_models(suite: str) -> None:
    contents = {case.id: case_model(case) for case in CASES[suite]}
    found = {name: _refusal(content, name) for name, content in contents.items() if not is_float_tflite(content)}
    unknown = {name: reason for name, reason in found.items() if reason and REFUSED.get(name, "?") not in reason}
    assert not unknown
    assert {name for name in REFUSED if name in found} == {name for name, reason in found.items() if reason}
