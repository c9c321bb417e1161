"""Whole models on float32: TFLM's outputs on this computer and on the emulated board, weights in 16 bits, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_kit import URL, small
from model_kit import images
from support.oracle import run_tflm
from test_ptq_models import normalized, tied

from toolchain import reference
from toolchain.errors import ModelError, TargetError
from toolchain.front import TFLITE_FILE, checked_graph
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import keras3
from toolchain.importers.tflite import parse_tflite
from toolchain.job import Job
from toolchain.options import options_of
from toolchain.pipeline import compile_sources, deploy, emulate
from toolchain.planner import make_plan
from toolchain.quantize.float_formats import rounded
from toolchain.quantize.ptq import quantize
from toolchain.quantize.recipe import recipe_for
from toolchain.results import Report
from toolchain.target import load_target

FORMATS = ("float32", "float16", "bfloat16")


def _job(model: Any, name: str, target: str, out: Path | None = None, data: Path | None = None) -> Job:
    return Job(
        model=model,
        target=load_target(target),
        data=None if data is None else str(data),
        out=out,
        port=URL,
        quantizer="mcuforge",
        recipe=recipe_for(name),
    )


def curved() -> Any:
    """Of functions that the C library has in TFLM and ``floatmath.py`` here."""
    keras = keras3()
    image = keras.Input((8, 8, 2), name="image")
    x = keras.layers.Conv2D(6, 3, activation="tanh", padding="same")(image)
    x = keras.layers.Multiply()([x, keras.layers.Conv2D(6, 1, activation="sigmoid")(x)])
    x = keras.layers.PReLU(shared_axes=[1, 2])(keras.layers.Conv2D(6, 1, activation="elu")(x))
    x = keras.ops.sin(keras.ops.exp(x)) + keras.ops.log(keras.ops.square(x) + 1.0) + keras.ops.cos(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(4, activation="softmax")(x), name="curved")


def test_functions_are_near_tflm() -> None:
    x = np.random.default_rng(2).normal(0, 1, (6, 8, 8, 2)).astype(np.float32)
    content = quantize(load_keras(curved()), [x], recipe=recipe_for("float32"))
    graph = checked_graph(parse_tflite(content, "model", "model"), "model")
    assert {"cos", "elu", "exp", "log", "logistic", "prelu", "sin", "tanh"} <= {node.op for node in graph.nodes}
    (got,) = reference.run(graph, [x[:, None]])
    expected = run_tflm(content, [x[:, None]])[0]
    assert got.std() > 0
    assert np.abs(got - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("make", [normalized, tied])
def test_reference_equals_tflm(make: Any) -> None:
    """But for a softmax in the middle, whose exponentials are another library's, bit by bit."""
    x = np.random.default_rng(2).normal(0, 1, (6, 8, 8, 2)).astype(np.float32)
    content = quantize(load_keras(make()), [x], recipe=recipe_for("float32"))
    graph = checked_graph(parse_tflite(content, "model", "model"), "model")
    (got,) = reference.run(graph, [x[:, None]])
    expected = run_tflm(content, [x[:, None]])[0]
    assert got.std() > 0
    if make is tied:
        assert np.abs(got - expected).max() <= 1e-6 * np.abs(expected).max()
    else:
        assert got.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", FORMATS)
def test_on_the_board(name: str, tmp_path: Path) -> None:
    folder = small()
    report = deploy(_job(folder / "small.keras", name, "stm32", tmp_path / "out", folder / "small.npz"))
    assert _is_exact(report)
    kernels = {layer.kernel for layer in report.layers if layer.op.startswith(("conv2d", "depthwise", "fully"))}
    # bfloat16 numbers that are no smaller than trained weights are float16 numbers too, which cost less to convert
    assert kernels == {"portable" if name == "float32" else "float16"}
    content = (tmp_path / "out" / TFLITE_FILE).read_bytes()
    (tflm,) = run_tflm(content, [images(4)[:, None]])
    graph = checked_graph(parse_tflite(content, "small", "small"), "small")
    np.testing.assert_allclose(reference.run(graph, [images(4)[:, None]])[0], tflm, rtol=1e-6)


def test_on_this_computer(tmp_path: Path) -> None:
    folder = small()
    assert _is_exact(emulate(_job(folder / "small.keras", "float32", "host", tmp_path, folder / "small.npz")))
    source = (tmp_path / "src" / "small.c").read_text()
    assert " * small, float32, for host (host)." in source
    assert "fp-contract=off" in (tmp_path / "src" / "CMakeLists.txt").read_text()


def _is_exact(report: Report) -> bool:
    accuracy, exactness = report.accuracy, report.exactness
    assert exactness is not None
    assert accuracy.device == accuracy.quantized_host
    assert exactness.codes == 24 * 4
    return exactness.differing == 0


def test_weights_of_16_bits_take_half_the_flash() -> None:
    keras = keras3()
    image = keras.Input((6, 6, 16), name="image")
    content = quantize(
        load_keras(keras.Model(image, keras.layers.Conv2D(32, 3)(image))), [], recipe=recipe_for("float16")
    )
    graph = checked_graph(parse_tflite(content, "wide", "wide"), "wide")
    (node,) = graph.nodes
    flash = {o.variant.name: o.flash for o in options_of(graph, node, load_target("stm32"))}
    assert flash["portable"] - flash["float16"] == 2 * 3 * 3 * 16 * 32
    assert make_plan(graph, load_target("stm32")).steps[0].variant is not None
    assert make_plan(graph, load_target("stm32")).steps[0].calls[0].params[-2][1].ctype == "uint32_t"


def test_rounding_is_to_nearest_even() -> None:
    """Halfway between two bfloat16 numbers the even one of them."""
    ties = np.array([0x3F808000, 0x3F818000, 0x3F808001, 0xBF808000, 0x3F807FFF], np.uint32).view(np.float32)
    bits = rounded(ties, "bfloat16").view(np.uint32) >> 16
    assert [hex(b) for b in bits.tolist()] == ["0x3f80", "0x3f82", "0x3f81", "0xbf80", "0x3f80"]
    assert rounded(np.array([1 + 2.0**-11, 1 + 3 * 2.0**-11, 1e6], np.float32), "float16").tolist() == [
        1.0,
        1 + 2.0**-9,
        65504.0,
    ]


def test_operators_that_there_are_not_are_named(tmp_path: Path) -> None:
    keras = keras3()
    image = keras.Input((4, 4, 2), name="image")
    x = keras.layers.Conv2D(2, 1)(image)
    model = keras.Model(image, keras.ops.arctan2(x, x), name="turned")
    with pytest.raises(ModelError, match="ATAN2"):
        compile_sources(_job(model, "float32", "stm32", tmp_path / "out"))


def test_a_model_too_large_says_which_layers(tmp_path: Path) -> None:
    keras = keras3()
    image = keras.Input((200, 200, 1), name="image")
    model = keras.Model(image, keras.layers.Conv2D(4, 1)(image), name="large")
    with pytest.raises(TargetError, match=r"RAM .* is over by .*conv2d"):
        deploy(_job(model, "float32", "stm32", tmp_path / "out"))
