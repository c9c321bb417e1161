"""Custom operators are read from the bytes in the file, whatever these are; what cannot run is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from support.case import Exact, Operator, TensorSpec
from support.flatbuffer import edited, write_model
from support.make_signal import vector

from toolchain.errors import ModelError
from toolchain.flexbuffer import Number, read_map, write_map
from toolchain.importers.tflite import parse_tflite
from toolchain.verify import check_supported

X, OUT = vector("int16", 8), vector("int16", 10)


def _model(options: Mapping[str, Any], custom: str = "SignalRfft") -> bytes:
    return write_model([Operator(f"CUSTOM {custom}", (X,), (OUT,), options)])


def _with_options(options: bytes | None) -> bytes:
    def edit(root: Any) -> None:
        op = root.subgraphs[0].operators[0]
        op.customOptions = None if options is None else np.frombuffer(options, np.uint8)

    return edited(_model({"T": 7, "fft_length": 8}), edit)


@pytest.mark.parametrize(
    "numbers",
    [{}, {"a": 1}, {"b": -(1 << 31), "a": 1 << 40, "c": True, "d": False, "e": 0.1, "f": -2.5}, {"x" * 300: 70000}],
)
def test_numbers_are_read_back(numbers: dict[str, Number]) -> None:
    content = write_map(numbers)
    again = read_map(content)
    assert again == numbers
    assert {k: type(v) for k, v in again.items()} == {k: type(v) for k, v in numbers.items()}
    assert flexbuffers.Loads(content) == numbers
    assert content == write_map(numbers)


@pytest.mark.parametrize(
    "options",
    [
        None,
        b"",
        b"\0" * 40,
        write_map({"fft_length": 8}),
        write_map({"T": 7, "fft_length": 8, "more": 1}),
        write_map({"T": 7, "fft_length": 8.0}),
        flexbuffers.Dumps([7, 8]),
        flexbuffers.Dumps({"T": 7, "fft_length": "8"}),
        flexbuffers.Dumps(8),
    ],
)
def test_options_that_are_none_are_damage(options: bytes | None) -> None:
    with pytest.raises(ModelError, match=r"signal_rfft_0 \(CUSTOM SignalRfft\) lacks options or inputs"):
        parse_tflite(_with_options(options), "m", "m.tflite")


def test_any_bytes_are_read_or_refused() -> None:
    rng, good, refused = np.random.default_rng(5), write_map({"T": 7, "fft_length": 8}), 0
    for _ in range(400):
        options = bytearray(good)
        for _ in range(int(rng.integers(1, 4))):
            options[int(rng.integers(len(options)))] = int(rng.integers(256))
        try:
            check_supported(parse_tflite(_with_options(bytes(options)), "m", "m.tflite"), "m.tflite")
        except ModelError:
            refused += 1
    assert 100 < refused < 400  # a byte of padding changes nothing


def test_what_is_not_known_is_refused_by_its_name() -> None:
    graph = parse_tflite(_model({}, "SignalOfTomorrow"), "m", "m.tflite")
    with pytest.raises(ModelError, match=r"CUSTOM SignalOfTomorrow.*not supported"):
        check_supported(graph, "m.tflite")


@pytest.mark.parametrize(
    ("operator", "why"),
    [
        (Operator("CUSTOM SignalRfft", (X,), (OUT,), {"T": 2, "fft_length": 8}), "of its type, one of int16"),
        (Operator("CUSTOM SignalRfft", (X,), (OUT,), {"T": 7, "fft_length": 14}), "a product of 2, 3 and 5"),
        (Operator("CUSTOM SignalRfft", (X,), (OUT,), {"T": 7, "fft_length": 2}), "even, at least 4"),
        (Operator("CUSTOM SignalRfft", (X,), (OUT,), {"T": 7, "fft_length": 6}), "must not be longer than its length"),
        (Operator("CUSTOM SignalDelay", (X,), (OUT,), {"delay_length": 3}), "the same shape"),
        (Operator("CUSTOM SignalDelay", (X,), (vector("int16", 8),), {"delay_length": 1 << 30}), "delay must be from"),
        (Operator("CUSTOM SignalWindow", (X, vector("int16", 3)), (vector("int16", 8),), {"shift": 2}), "divides"),
        (Operator("CUSTOM SignalWindow", (X, X), (vector("int16", 8),), {"shift": 32}), "from 0 to 31"),
        (
            Operator(
                "CUSTOM SignalFramer",
                (X,),
                (TensorSpec((2, 9), "int16"), TensorSpec((), "bool")),
                {"frame_size": 9, "frame_step": 0, "prefill": True},
            ),
            "frames must have a sample at least",
        ),
        (
            Operator(
                "CUSTOM SignalFilterBank",
                (
                    vector("uint32", 4),
                    *(vector("int16", 2, Exact((1, 1))) for _ in range(2)),
                    *(vector("int16", 2, Exact(v)) for v in ((0, 3), (0, 0), (2, 2))),
                ),
                (vector("uint64", 1),),
                {"num_channels": 1},
            ),
            "energies and weights that exist",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_tflm_would_not_compute_is_refused(operator: Operator, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        check_supported(parse_tflite(write_model([operator]), "m", "m.tflite"), "m.tflite")


def test_a_file_names_the_custom_operator() -> None:
    code = schema.ModelT.InitFromPackedBuf(_model({"T": 7, "fft_length": 8}), 0).operatorCodes[0]
    assert (code.builtinCode, code.customCode) == (schema.BuiltinOperator.CUSTOM, b"SignalRfft")
