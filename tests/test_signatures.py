"""Signatures of a TFLite file: names of inputs and outputs, and which of several functions is meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from support.case import Operator, Subgraph, TensorSpec
from support.firmware import checked_plan, identity
from support.flatbuffer import edited, write_model
from support.oracle import run_tflm

from toolchain.codegen import generate
from toolchain.errors import ModelError
from toolchain.front import checked_graph, input_ports, open_source
from toolchain.importers.reading import Reading
from toolchain.importers.tflite import parse_tflite
from toolchain.inspection import inspect_model
from toolchain.job import Job
from toolchain.progress import Progress
from toolchain.reference import run
from toolchain.target import load_target

QUANT = ((0.5,), (1,))
HOST = load_target("host")


def _codes() -> TensorSpec:
    return TensorSpec((1, 6), "int8", *QUANT)


def _entry(name: str, index: int) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry


def _signature(key: str, subgraph: int, inputs: dict[str, int], outputs: dict[str, int]) -> Any:
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = key, subgraph
    made.inputs = [_entry(name, index) for name, index in inputs.items()]
    made.outputs = [_entry(name, index) for name, index in outputs.items()]
    return made


def _two() -> bytes:
    """``most`` of two tensors; ``either`` by a condition, whose branches are ``most`` and the first one."""
    a, b, most, c, d = (_codes() for _ in range(5))
    condition, x, y, out = TensorSpec((1,), "bool"), _codes(), _codes(), _codes()
    choice = Operator("IF", (condition, x, y), (out,), {"thenSubgraphIndex": 2, "elseSubgraphIndex": 3})
    e, f, high = (_codes() for _ in range(3))
    content = write_model(
        [Operator("MAXIMUM", (a, b), (most,))],
        "two",
        [
            Subgraph((condition, x, y), (choice,), (out,)),
            Subgraph((e, f), (Operator("MAXIMUM", (e, f), (high,)),), (high,)),
            Subgraph((c, d), (), (c,)),
        ],
    )

    def sign(root: Any) -> None:
        root.signatureDefs = [
            _signature("either", 1, {"left": 1, "right": 2, "which": 0}, {"chosen": 3}),
            _signature("most", 0, {"a": 0, "b": 1}, {"result/most": 2}),
        ]

    return edited(content, sign)


class _Notes(Progress):
    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, text: str) -> None:
        self.told.append(text)


def _content(tmp_path: Path, signature: str | None) -> tuple[bytes, list[str]]:
    (tmp_path / "two.tflite").write_bytes(_two())
    notes = _Notes()
    source = open_source(tmp_path / "two.tflite", notes, Reading(signature=signature))
    assert source.content is not None
    return source.content, notes.told


def test_ports_are_called_what_the_signature_calls_them() -> None:
    graph = checked_graph(parse_tflite(_two(), "two", "two"), "two")
    assert [port.name for port in input_ports(graph)] == ["a", "b"]
    header = generate(checked_plan(graph, HOST), identity(graph), HOST).files["two.h"]
    for line in ("#define TWO_INPUT_B 1", "#define TWO_OUTPUT_RESULT_MOST 0", "output 0: result/most, int8"):
        assert line in header


def test_the_main_function_is_the_one_that_nobody_names(tmp_path: Path) -> None:
    content, notes = _content(tmp_path, None)
    assert content == _two()
    assert len(notes) == 1
    assert "has the signatures most, either; this is most" in notes[0]


@pytest.mark.parametrize("name", ["most", "either"])
def test_a_chosen_signature_is_what_runs(name: str, tmp_path: Path) -> None:
    """By itself: the bytes are a file whose first subgraph it is, which TFLM runs."""
    content, notes = _content(tmp_path, name)
    assert not notes
    graph = checked_graph(parse_tflite(content, "two", "two"), "two")
    assert [node.op for node in graph.nodes] == [{"most": "maximum", "either": "if"}[name]]
    rng = np.random.default_rng(0)
    inputs = [
        rng.integers(0, 2, (8, 1)).astype(bool) if graph.tensor(n).dtype == "bool" else _random(rng)
        for n in graph.inputs
    ]
    assert np.array_equal(run(graph, inputs)[0], run_tflm(content, inputs)[0])
    told = inspect_model(Job(tmp_path / "two.tflite", HOST, reading=Reading(signature=name)), Progress())
    names = {"most": ["a", "b", "result/most"], "either": ["which", "left", "right", "chosen"]}
    assert [text.split()[0] for text in (*told.inputs, *told.outputs)] == names[name]


def _random(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    return rng.integers(-128, 128, (8, 1, 6)).astype(np.int8)


def test_an_unknown_signature_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no signature other") as caught:
        _content(tmp_path, "other")
    assert "most" in caught.value.hint
    assert "either" in caught.value.hint


def test_names_that_are_not_one_for_each_are_left_out() -> None:
    def same(root: Any) -> None:
        for entry in root.signatureDefs[1].inputs:
            entry.name = "a"

    graph = parse_tflite(edited(_two(), same), "two", "two")
    assert [graph.port(n) for n in (*graph.inputs, *graph.outputs)] == ["t0", "t1", "result/most"]


def test_a_damaged_signature_is_refused(tmp_path: Path) -> None:
    def far(root: Any) -> None:
        root.signatureDefs[1].inputs[0].tensorIndex = 99

    with pytest.raises(ModelError, match="damaged"):
        parse_tflite(edited(_two(), far), "two", "two")
    (tmp_path / "far.tflite").write_bytes(
        edited(_two(), lambda root: setattr(root.signatureDefs[0], "subgraphIndex", 9))
    )
    with pytest.raises(ModelError, match="signature either is subgraph 9 of 4"):
        open_source(tmp_path / "far.tflite", Progress(), Reading(signature="either"))
