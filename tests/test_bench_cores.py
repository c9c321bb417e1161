"""The Cortex-M55's figures: stored ones against CMSIS-NN's, and predictions against the emulator's counter."""

from __future__ import annotations

import pytest

from benchmarks import cores
from benchmarks.models import NAMES, TWIN, model_file
from benchmarks.peers import load_peers
from toolchain.errors import UserError
from toolchain.progress import Progress
from toolchain.target import load_target


def test_the_stored_page_is_made_from_the_stored_figures() -> None:
    page = cores.FILE.with_suffix(".md").read_text(encoding="utf-8")
    assert page == cores.page(cores.load(), load_peers().helium)


def test_every_stored_model_is_exact_and_takes_fewer_instructions_than_cmsis_nn() -> None:
    record, peer = cores.load(), load_peers().helium
    assert tuple(m.name for m in record.models) == NAMES
    for m in record.models:
        assert m.differing == 0
        assert m.instructions < peer.instructions[m.name]


def test_predictions_are_what_the_emulated_core_counts() -> None:
    model, _ = cores.measure_model("sww_dscnn", model_file(TWIN, "sww_dscnn"), load_target(cores.TARGET), Progress())
    assert model.differing == 0
    assert model.predicted == pytest.approx(model.instructions, rel=0.03)
    counted = [layer for layer in model.layers if layer.kernel.startswith("mve")]
    assert len(counted) > 6
    for layer in counted:
        assert layer.predicted == pytest.approx(layer.instructions, rel=0.1), layer.text


def test_arguments_are_refused() -> None:
    with pytest.raises(UserError, match="no arguments"):
        cores.run(["--check"])
