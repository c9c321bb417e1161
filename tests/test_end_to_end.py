"""Whole jobs as a user runs them, checked against tools that mcuforge does not use: size, objdump, gcc, LiteRT."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import model_kit
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from job_kit import BUNDLED, URL, board_toml, cli, document, is_valid, small
from support.oracle import run_tflm

import toolchain
from toolchain.importers.tensorflow import captured, keras3, tensorflow
from toolchain.measuring import linked
from toolchain.target import load_target

EXAMPLE = BUNDLED.parent / "examples" / "digits"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def digits() -> Path:
    """The example's folder, trained unless it already was."""
    return model_kit.trained_digits()


@pytest.fixture(scope="module")
def deployed(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ``mcuforge deploy digits.keras``, run as a program."""
    out = tmp_path_factory.mktemp("digits") / "out"
    job = ("deploy", str(digits / "digits.keras"), "--data", str(digits / "digits.npz"), "--port", URL)
    done = cli(*job, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "none of 3,600 output codes differs" in done.stdout.replace("\n", " ")
    assert str(out / "report.html") in done.stdout.replace("\n", "")
    return out


@pytest.fixture(scope="module")
def report(deployed: Path) -> Document:
    loaded: Document = json.loads((deployed / "report.json").read_text(encoding="utf-8"))
    return loaded


def layers_add_up(report: Document) -> None:
    """Within 1 % of the whole, in the unit that they are told in."""
    (unit,) = {layer["unit"] for layer in report["layers"]}
    whole = next(entry["median"] for entry in report["latency"] if entry["unit"] == unit)
    assert sum(layer["value"] for layer in report["layers"]) == pytest.approx(whole, rel=0.01)


def is_exact(report: Document, codes: int | None = None) -> None:
    is_valid(report)
    assert report["exactness"]["differing"] == 0
    assert report["exactness"]["codes"] > 0
    assert codes is None or report["exactness"]["codes"] == codes


def within_a_point(report: Document) -> None:
    score = report["accuracy"]
    assert score["device"] == score["quantized_host"]
    assert score["device"]["total"] == score["float"]["total"]
    assert abs(score["device"]["correct"] - score["float"]["correct"]) <= score["float"]["total"] / 100


def test_digits_are_read_as_well_as_in_float(report: Document) -> None:
    is_exact(report, 360 * 10)
    within_a_point(report)
    assert report["accuracy"]["metric"] == "accuracy"
    assert report["accuracy"]["float"]["total"] == 360
    assert report["accuracy"]["float"]["correct"] > 350
    assert report["target"]["virtual"] is True


def test_layers_add_up_in_cycles_and_in_instructions(
    deployed: Path, report: Document, capfd: pytest.CaptureFixture[str]
) -> None:
    layers_add_up(report)
    assert report["layers"][0]["unit"] == "cycles (modelled)"
    document(capfd, "flash", str(deployed), "--port", URL)
    instructions = next(e["median"] for e in report["latency"] if e["unit"] == "instructions (emulated)")
    with linked(f"{URL}?count=1", load_target("stm32"), report["model"]["sha256"], "digits") as (link, _):
        parts = link.profile()
    assert len(parts) == len(report["layers"])
    assert sum(parts) == pytest.approx(instructions, rel=0.01)
    assert all(0 < part < layer["value"] * 2 for part, layer in zip(parts, report["layers"], strict=True))


def test_sizes_are_those_of_binutils(deployed: Path, report: Document) -> None:
    """``flash`` is the image; RAM is .data + .bss without the UART's buffers, by size and by objdump."""
    assert report["memory"]["flash_bytes"] == (deployed / "firmware.bin").stat().st_size
    listing = subprocess.run(
        ["arm-none-eabi-size", "-A", str(deployed / "firmware.elf")], capture_output=True, text=True, check=True
    ).stdout
    sections = {m[1]: int(m[2]) for m in re.finditer(r"^(\.\S+)\s+(\d+)\s+\d+$", listing, re.M)}
    symbols = subprocess.run(
        ["arm-none-eabi-objdump", "-t", str(deployed / "firmware.elf")], capture_output=True, text=True, check=True
    ).stdout
    sizes = {m[2]: int(m[1], 16) for m in re.finditer(r"\t([0-9a-f]{8})\s+(?:\.hidden )?(\S+)$", symbols, re.M)}
    buffers = sizes["fw_uart_frame"] + sizes["fw_uart_queue"]
    memory = report["memory"]
    assert memory["uart_buffer_bytes"] == buffers <= 600
    outliving = sections.get(".noinit", 0)
    assert memory["ram_bytes"] + buffers == sections[".data"] + sections[".bss"] + outliving
    assert outliving <= 4, "one word that a reset leaves alone"
    stored = (".isr_vector", ".text", ".rodata", ".data", ".ARM.extab", ".ARM.exidx")
    assert 0 <= memory["flash_bytes"] - sum(sections.get(name, 0) for name in stored) < 8, "alignment"
    assert memory["arena_bytes"] <= memory["ram_bytes"]
    assert 0 < memory["stack_bytes"] < load_target("stm32").board.stack_bytes


def test_flash_then_measure_in_processes_of_their_own(deployed: Path, digits: Path, report: Document) -> None:
    """The board keeps its firmware in between, and the counts are the same to the cycle. It arrives compressed."""
    image = deployed / "firmware.bin.gz"
    assert image.stat().st_size == report["memory"]["update_bytes"]
    flashed = cli("flash", str(image), "--port", URL, "--json")
    assert flashed.returncode == 0, flashed.stderr
    assert json.loads(flashed.stdout)["bytes"] == report["memory"]["flash_bytes"]
    out = deployed.with_name("measured")
    job = ("measure", str(deployed), "--evaluation", str(digits / "digits.npz"), "--limit", "20")
    measured = cli(*job, "--port", URL, "--out", str(out), "--json")
    assert measured.returncode == 0, measured.stderr
    found = json.loads(measured.stdout)
    is_exact(found, 200)
    assert found == json.loads((out / "report.json").read_text())
    assert found["latency"] == report["latency"]
    assert found["memory"] == report["memory"]
    assert found["model"] == report["model"]


def test_measure_with_the_model_itself(digits: Path, deployed: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Quantizing again gives the same model, so the board's hash fits."""
    document(capfd, "flash", str(deployed), "--port", URL)
    data = str(digits / "digits.npz")
    job = ("measure", str(digits / "digits.keras"), "--data", data, "--limit", "5", "--port", URL)
    is_exact(document(capfd, *job, "--out", str(deployed.with_name("again"))), 50)


def test_profile(deployed: Path, capfd: pytest.CaptureFixture[str], report: Document) -> None:
    out = str(deployed.with_name("profile"))
    found = document(capfd, "profile", str(deployed / "model.tflite"), "--port", URL, "--out", out)
    is_valid(found)
    layers_add_up(found)
    assert [x["value"] for x in found["layers"]] == pytest.approx([x["value"] for x in report["layers"]], rel=0.1)
    assert sum(layer["macs"] for layer in found["layers"]) == found["model"]["macs"]


def test_emulate_under_the_sanitizers(deployed: Path, digits: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = deployed.with_name("emulated")
    data = str(digits / "digits.npz")
    job = ("emulate", str(deployed / "model.tflite"), "--evaluation", data, "--sanitize", "--limit", "60")
    found = document(capfd, *job, "--out", str(out))
    is_exact(found, 600)
    assert [entry["unit"] for entry in found["latency"]] == ["ns (host)"]
    symbols = subprocess.run(["nm", str(out / "firmware.elf")], capture_output=True, text=True, check=True).stdout
    assert "__asan" in symbols
    assert "__ubsan" in symbols


def test_inspect(deployed: Path, report: Document, capfd: pytest.CaptureFixture[str]) -> None:
    found = document(capfd, "inspect", str(deployed / "model.tflite"))
    assert found["macs"] == report["model"]["macs"]
    assert found["parameters"] == report["model"]["parameters"]
    assert found["arena_bytes"] == report["memory"]["arena_bytes"]


PROGRAM = """
#include "digits.h"
#include <stdio.h>
int main(void)
{
    static int8_t in[DIGITS_INPUT0_BYTES], out[DIGITS_OUTPUT0_BYTES];
    if (digits_init() != 0) return 1;
    while (fread(in, 1, sizeof in, stdin) == sizeof in) {
        if (digits_invoke(in, out) != 0) return 2;
        fwrite(out, 1, sizeof out, stdout);
    }
    return 0;
}
"""
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2"]


def test_sources_for_a_chip_build_with_its_compiler(
    deployed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """C and assembly, with warnings as errors; the C compiles on this computer too."""
    job = ("compile", str(deployed / "model.tflite"), "--name", "digits", "--out", str(tmp_path / "c"))
    found = document(capfd, *job)
    sources = [str(tmp_path / "c" / name) for name in found["files"] if name.endswith((".c", ".S"))]
    assert any(s.endswith(".S") for s in sources), "kernels of this chip"
    cross = ["arm-none-eabi-gcc", *load_target("stm32").compiler.cflags]
    for source in sources:
        subprocess.run([*cross, *STRICT, "-c", source, "-o", str(tmp_path / "object.o")], check=True)
        if source.endswith(".c"):
            subprocess.run(["gcc", *STRICT, "-c", source, "-o", str(tmp_path / "object.o")], check=True)


def test_portable_sources_build_anywhere(deployed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With gcc and its warnings as errors; the program gives TFLM's codes."""
    model = deployed / "model.tflite"
    job = ("compile", str(model), "--target", "host", "--name", "digits", "--out", str(tmp_path / "c"))
    found = document(capfd, *job)
    sources = [str(tmp_path / "c" / name) for name in found["files"] if name.endswith(".c")]
    (tmp_path / "main.c").write_text(PROGRAM)
    program = tmp_path / "program"
    command = ["gcc", *STRICT, f"-I{tmp_path / 'c'}", str(tmp_path / "main.c"), *sources, "-o", str(program)]
    subprocess.run(command, check=True)
    codes = np.random.default_rng(0).integers(-128, 128, (20, 8, 8, 1)).astype(np.int8)
    got = subprocess.run([str(program)], input=codes.tobytes(), capture_output=True, check=True).stdout
    (wanted,) = run_tflm(model.read_bytes(), [codes[:, None]])
    np.testing.assert_array_equal(np.frombuffer(got, np.int8).reshape(wanted.shape), wanted)
    (tmp_path / "user.cpp").write_text('#include "digits.h"\nint main() { return digits_init(); }\n')
    cpp = ["g++", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-fsyntax-only", f"-I{tmp_path / 'c'}"]
    subprocess.run([*cpp, str(tmp_path / "user.cpp")], check=True)


def test_the_python_api(digits: Path, tmp_path: Path) -> None:
    """A model object, data from a path, a report as an object; nothing is written without ``out``."""
    model = keras3().models.load_model(digits / "digits.keras")
    data = str(digits / "digits.npz")
    before = sorted(tmp_path.iterdir())
    found = toolchain.deploy(model, data, target="stm32", port=URL, limit=30, runs=2)
    assert sorted(tmp_path.iterdir()) == before
    assert found.exactness.differing == 0
    assert found.accuracy.device is not None
    assert found.accuracy.device.total == 30
    assert len(found.latency[0].samples) == 2
    is_valid(found.to_json())
    assert toolchain.measure(model, data, port=URL, limit=3, out=tmp_path / "out").model.sha256 == found.model.sha256
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize("name", ["deploy", "measure", "flash", "profile", "emulate", "compile_sources", "inspect"])
def test_no_module_hides_a_function_of_the_api(name: str) -> None:
    """A submodule of that name would take the function's place once something imports it."""
    assert importlib.util.find_spec(f"toolchain.{name}") is None
    assert callable(getattr(toolchain, name))


def test_a_target_description_of_ones_own(deployed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a path relative to where the user is, outside the checkout."""
    monkeypatch.chdir(tmp_path)
    board_toml(tmp_path / "my_board.toml", lambda text: text.replace('name = "stm32"', 'name = "mine"'))
    job = ("deploy", str(deployed / "model.tflite"), "--target", "./my_board.toml", "--port", URL, "--limit", "2")
    done = cli(*job, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["target"]["name"] == "mine"
    assert (tmp_path / "mcuforge-out" / "model" / "report.json").is_file()


# ---- other models ----------------------------------------------------------------------------------------------------
def test_two_inputs_and_two_outputs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    keras = keras3()
    keras.utils.set_random_seed(6)
    dense = keras.layers.Dense
    first, second = keras.Input((3,), name="b"), keras.Input((5,), name="a")
    joined = keras.layers.Concatenate()([dense(4)(first), dense(4)(second)])
    model = keras.Model([first, second], [dense(2, name="y")(joined), dense(3, name="z")(joined)], name="two")
    model_kit.save_quietly(model, tmp_path / "two.keras")
    rng = np.random.default_rng(0)
    halves = {
        f"{part}_{i}": rng.random((40, n), np.float32) for part in ("x_calib", "x_test") for i, n in ((0, 3), (1, 5))
    }
    np.savez(tmp_path / "two.npz", **halves)
    job = (str(tmp_path / "two.keras"), "--data", str(tmp_path / "two.npz"))
    is_exact(document(capfd, "deploy", *job, "--port", URL, "--out", str(tmp_path / "out")), 40 * (2 + 3))
    is_exact(document(capfd, "emulate", *job, "--sanitize", "--out", str(tmp_path / "host")), 40 * (2 + 3))
    files = document(capfd, "compile", *job, "--target", "host", "--out", str(tmp_path / "c"))["files"]
    for name in files:
        if name.endswith(".c"):
            subprocess.run(["gcc", *STRICT, "-c", str(tmp_path / "c" / name), "-o", str(tmp_path / "o.o")], check=True)
    assert "two_invoke" not in (tmp_path / "c" / "two.h").read_text(), "it is for one input and one output"


def _converted(edge: Any, quantized: bool) -> bytes:
    tf = tensorflow()
    with captured(python_too=True):
        converter = tf.lite.TFLiteConverter.from_keras_model(model_kit.small_model())
        if quantized:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.representative_dataset = lambda: ([row[None]] for row in model_kit.images(40))
            converter.inference_input_type = converter.inference_output_type = edge
        return bytes(converter.convert())


def test_float_edges(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """QUANTIZE and DEQUANTIZE run on the board; its floats are those of LiteRT within one code."""
    content = _converted(tensorflow().float32, quantized=True)
    (tmp_path / "edges.tflite").write_bytes(content)
    data = str(small() / "small.npz")
    job = (str(tmp_path / "edges.tflite"), "--evaluation", data)
    deployed = document(capfd, "deploy", *job, "--port", URL, "--out", str(tmp_path / "out"))
    is_exact(deployed, 24 * 4)
    emulated = document(capfd, "emulate", *job, "--sanitize", "--out", str(tmp_path / "host"))
    is_exact(emulated, 24 * 4)
    assert deployed["accuracy"] == emulated["accuracy"]
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    with np.load(data) as arrays:
        right = 0
        for image, label in zip(arrays["x_test"], arrays["y_test"], strict=True):
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
            interpreter.invoke()
            right += int(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).argmax() == label)
    assert abs(deployed["accuracy"]["device"]["correct"] - right) <= 1


def test_a_float_tflite_is_quantized(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ai_edge_quantizer", reason="the optional package ai-edge-quantizer is not installed")
    (tmp_path / "float.tflite").write_bytes(_converted(None, quantized=False))
    job = ("deploy", str(tmp_path / "float.tflite"), "--data", str(small() / "small.npz"), "--port", URL)
    found = document(capfd, *job, "--out", str(tmp_path / "out"))
    is_exact(found, 24 * 4)
    assert found["accuracy"]["float"]["total"] == 24


# ---- the reference models, where they are ----------------------------------------------------------------------------
REFERENCE = os.environ.get("MCUFORGE_REFERENCE", "")
MODELS = {"kws_dscnn_savedmodel": ("kws_mfcc.npz", 60), "ic_resnet8.h5": ("ic_cifar10.npz", 20)}
needs_reference = pytest.mark.skipif(
    not REFERENCE, reason="MCUFORGE_REFERENCE is not set: reference models were not run"
)


def _reference(name: str, capfd: pytest.CaptureFixture[str], out: Path, *options: str) -> Document:
    data = Path(REFERENCE) / "data" / MODELS[name][0]
    job = ("deploy", str(Path(REFERENCE) / "models" / name), "--data", str(data), "--port", URL, "--out", str(out))
    found: Document = document(capfd, *job, *options)
    is_exact(found)
    layers_add_up(found)
    return found


@needs_reference
@pytest.mark.parametrize("name", MODELS)
def test_reference_models(name: str, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    count = MODELS[name][1]
    found = _reference(name, capfd, tmp_path / "out", "--limit", str(count))
    score = found["accuracy"]
    assert score["device"] == score["quantized_host"]
    assert score["device"]["total"] == count
    assert score["device"]["correct"] > 0.8 * count


@needs_reference
@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_reference_models_on_all_samples(name: str, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    within_a_point(_reference(name, capfd, tmp_path / "out"))
