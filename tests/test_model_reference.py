"""The five MLPerf Tiny reference models with real data, where ``MCUFORGE_REFERENCE`` says that they are.

The folder has ``models/`` (Keras files, SavedModel, int8 .tflite) and ``data/`` (.npz). Without it these tests have
nothing to run on, and the twins stand in (``test_model_twins.py``).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from model_kit import Array, operators, run_codes, shapes

from benchmarks.twins import TWINS, twin_tflite
from toolchain.data import Dataset, dequantize, load_data, quantize_input
from toolchain.importers.float_model import FloatModel
from toolchain.importers.float_tflite import is_float_tflite, load_float_tflite
from toolchain.importers.keras import load_keras
from toolchain.importers.tflite import parse_tflite
from toolchain.metrics import choose_metric, score
from toolchain.quantize.check import check_quantized
from toolchain.quantize.ptq import quantize as quantize_by_mcuforge
from toolchain.quantize.tflite_ptq import quantize

REFERENCE = Path(os.environ.get("MCUFORGE_REFERENCE", ""))
if not os.environ.get("MCUFORGE_REFERENCE"):
    pytest.skip("MCUFORGE_REFERENCE is not set: the reference models were not run", allow_module_level=True)

MODELS = {
    "ad_autoencoder": ("ad_autoencoder.h5", "ad_toycar_normal.npz"),
    "kws_dscnn": ("kws_dscnn_savedmodel", "kws_mfcc.npz"),
    "ic_resnet8": ("ic_resnet8.h5", "ic_cifar10.npz"),
    "sww_dscnn": ("sww_dscnn.h5", "sww_specs.npz"),
    "vww_mobilenet": ("vww_mobilenet.h5", ""),
}
# Correct of 500 in float: what the models' authors trained, so it cannot drift.
FLOAT_CORRECT = {"ic_resnet8": 445, "kws_dscnn": 456}


def load(name: str) -> tuple[FloatModel, Dataset]:
    file, data = MODELS[name]
    model = load_keras(REFERENCE / "models" / file)
    if data:
        return model, load_data(str(REFERENCE / "data" / data), model.inputs)
    pixels = np.random.default_rng(0).random((32, *model.inputs[0].shape[1:]), np.float32)
    return model, Dataset(x_calib=pixels)


@pytest.mark.parametrize("name", MODELS)
def test_reference_model(name: str) -> None:
    model, data = load(name)
    assert data.x_calib is not None
    content = quantize(model, data.x_calib)
    graph = parse_tflite(content, name, name)
    check_quantized(graph)
    reference = (REFERENCE / "models" / f"{name}_int8.tflite").read_bytes()
    assert [op for op in operators(reference) if op != "RESHAPE"] == operators(content)

    source, result = graph.tensor(graph.inputs[0]), graph.tensor(graph.outputs[0])
    x = data.x_test if data.x_test is not None else data.x_calib
    assert isinstance(x, np.ndarray)
    metric = choose_metric(data.y_test, source.shape[1:], result.shape[1:])
    in_float = score(metric, model.predict(x), data.y_test, x)
    in_int8 = score(metric, dequantize(run_codes(content, quantize_input(x, source)), result), data.y_test, x)
    if name in FLOAT_CORRECT:
        assert in_float is not None
        assert in_int8 is not None
        assert in_float.correct == FLOAT_CORRECT[name]
        assert in_float.total == 500
        assert in_int8.correct is not None
        assert abs(in_int8.correct - FLOAT_CORRECT[name]) <= 5, "within one point of float"
        ours = _correct(quantize_by_mcuforge(model, data.x_calib), x, data)
        assert ours >= in_int8.correct, "no worse than the converter's on the same samples"
        assert ours >= FLOAT_CORRECT[name] - 2, "within half a point of float"
    elif name == "ad_autoencoder":
        assert metric == "mse"
        assert in_float is not None
        assert in_int8 is not None
        assert in_float.value is not None
        assert in_int8.value == pytest.approx(in_float.value, rel=0.2)


def _correct(content: bytes, x: Array, data: Dataset) -> int:
    graph = parse_tflite(content, "ours", "ours")
    check_quantized(graph)
    codes = run_codes(content, quantize_input(x, graph.tensor(graph.inputs[0])))
    found = score("accuracy", dequantize(codes, graph.tensor(graph.outputs[0])), data.y_test)
    assert found is not None
    assert found.correct is not None
    return found.correct


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_like_its_reference(name: str, tmp_path: Path) -> None:
    """Operator by operator, weight by weight; but for the RESHAPE before the last layer."""
    reference = (REFERENCE / "models" / f"{name}_int8.tflite").read_bytes()
    twin = twin_tflite(name, tmp_path).read_bytes()
    assert [op for op in operators(reference) if op != "RESHAPE"] == operators(twin)
    flat = {(1, 32), (1, 64), (1, 256), (2,)}  # what a RESHAPE makes, and its constant
    assert [s for s in shapes(reference) if s not in flat] == [s for s in shapes(twin) if s not in flat]


def test_float_tflite_of_an_older_converter() -> None:
    """Its convolutions have int8 weights, one scale each. LiteRT, which rounds their inputs too, gives 449."""
    path = REFERENCE / "models" / "kws_dscnn_float32.tflite"
    content = path.read_bytes()
    assert is_float_tflite(content)
    model = load_float_tflite(path, content)
    assert model.stored == ("int8",)
    data = load_data(str(REFERENCE / "data" / "kws_mfcc.npz"), model.inputs)
    assert isinstance(data.x_test, np.ndarray)
    assert data.x_calib is not None
    found = score("accuracy", model.predict(data.x_test), data.y_test)
    assert found is not None
    assert found.correct == 451
    assert _correct(quantize_by_mcuforge(model, data.x_calib), data.x_test, data) >= 451
