"""The page of Keras's layers has them all, and what it says of some of them is so."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ("Add", "Conv3D", "Dropout", "PReLU", "StringLookup")


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("keras_layers", ROOT / "scripts" / "keras_layers.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["keras_layers"] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


def _page(script: Any) -> dict[str, tuple[str, str]]:
    """State and remark by name."""
    found = re.findall(
        r"^\| (\w+)(?: \(.*?\))? \| ([\w -]+) \| (.*) \|$", script.PAGE.read_text(encoding="utf-8"), re.M
    )
    return {name: (state, remark) for name, state, remark in found if name != "layer"}


def test_every_layer_of_the_installed_keras_is_on_the_page(script: Any) -> None:
    text = script.PAGE.read_text(encoding="utf-8")
    names = script.layer_names()
    assert list(_page(script)) == list(names)
    assert all(f"| {name} ({', '.join(also)}) |" in text for name, also in names.items() if also)
    states = {state for state, _ in _page(script).values()}
    assert {script.EXACT, script.REFUSED, script.NOT_INFERENCE} <= states <= set(script.STATES)


def test_no_codes_differ(script: Any) -> None:
    """What is refused is refused with a reason, never because its outputs are others."""
    assert [name for name, (_, remark) in _page(script).items() if remark.endswith("codes differ") or not remark] == []


@pytest.mark.parametrize("name", SAMPLE)
def test_the_page_says_what_is_so(name: str, script: Any) -> None:
    assert _page(script)[name] == script.tried(name)
