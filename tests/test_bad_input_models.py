"""Models that cannot become a firmware: each is refused with what is wrong, where, and what to do."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from job_kit import cli, contents, refused, refused_outside, small
from support.case import Exact, Operator, Seeded, TensorSpec
from support.flatbuffer import write_model

from toolchain.cli import run
from toolchain.importers.tensorflow import captured, keras3, tensorflow

ZOO = """
import keras
import numpy
import tensorflow
from keras import layers

def model(outputs, name="zoo"):
    return keras.Model(outputs[0], outputs[1], name=name)

class Best(layers.Layer):
    def call(self, x):
        return tensorflow.math.top_k(x, k=2).values

class Spectrum(layers.Layer):
    def call(self, x):
        return tensorflow.signal.rfft2d(x[..., 0])

class Amplitude(layers.Layer):
    def call(self, x):
        return tensorflow.abs(x)[..., None]

def unsupported():
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 1, name="widen")(Amplitude(name="amplitude")(Spectrum(name="spectrum")(image)))
    return keras.Model(image, layers.Dense(2, name="score")(layers.Flatten()(Best(name="best")(x))))

class Looping(layers.Layer):
    def call(self, x):
        return tensorflow.while_loop(lambda y: tensorflow.reduce_sum(y) < 100.0, lambda y: (y * 2.0 + 1.0,), (x,))[0]

class Foreign(layers.Layer):
    def call(self, x):
        return tensorflow.math.erfinv(x)

def looping():
    x = keras.Input((8,))
    return keras.Model(x, Looping(name="doubling")(x))

def foreign():
    x = keras.Input((8,))
    return keras.Model(x, Foreign(name="odd")(x))

def dynamic():
    x = keras.Input((None, 4), name="series")
    return keras.Model(x, layers.Dense(4)(x))

def fixed_batch():
    x = keras.Input(batch_shape=(7, 4), name="seven")
    return keras.Model(x, layers.Dense(4)(x))

def unbuilt():
    return keras.Sequential([layers.Dense(4)])

def not_finite():
    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(1, name="broken")(x))
    model.layers[-1].set_weights([numpy.full((4, 1), numpy.nan), numpy.zeros(1)])
    return model

def raises():
    raise RuntimeError("the weights are elsewhere")

def leaves():
    raise SystemExit(3)

def number():
    return 42

constant = 42
"""
SHAPES = {"images": (8, 8, 1), "series": (8, 4), "vectors": (8,), "fours": (4,)}

# function, data, what the problem says
FUNCTIONS = {
    "unsupported": ("images", ["layer best (TOPK_V2)", "layer spectrum (RFFT2D)", "(COMPLEX_ABS)", " of "]),
    "looping": ("vectors", ["control flow", "doubling"]),
    "foreign": ("vectors", ["zoo:foreign", "Erfinv"]),
    "dynamic": ("series", ["dynamic", "series", "dimension 1"]),
    "fixed_batch": ("fours", ["batch", "seven", "7"]),
    "unbuilt": ("fours", ["zoo:unbuilt", "input shape"]),
    "not_finite": ("fours", ["not finite", "broken"]),
    "raises": ("fours", ["RuntimeError", "the weights are elsewhere", "zoo.py:"]),
    "leaves": ("fours", ["zoo:leaves", "SystemExit"]),
    "number": ("fours", ["zoo:number", "int"]),
    "constant": ("fours", ["no function constant"]),
    "absent": ("fours", ["no function absent"]),
}


@pytest.fixture
def zoo(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory with ``zoo.py`` and data of every shape."""
    monkeypatch.delitem(__import__("sys").modules, "zoo", raising=False)
    (workplace / "zoo.py").write_text(ZOO)
    for name, shape in SHAPES.items():
        np.savez(workplace / f"{name}.npz", x_calib=np.random.default_rng(0).random((40, *shape), np.float32))
    return workplace


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions(function: str, zoo: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data, words = FUNCTIONS[function]
    refusal = refused(capfd, "compile", f"zoo:{function}", "--data", f"{data}.npz", "--out", "out")
    assert all(word in refusal.problem for word in words), refusal
    assert not (zoo / "out").exists()


def test_every_unsupported_operator_is_named_at_once(zoo: Path) -> None:
    """In a process of its own: nothing that TensorFlow writes there may reach the terminal."""
    done = cli("deploy", "zoo:unsupported", "--data", "images.npz", "--out", "out", cwd=zoo)
    assert done.returncode == 2
    assert done.stdout == ""
    first, *rest = done.stderr[done.stderr.index("error: ") :].splitlines()
    assert re.fullmatch(r"error: zoo:unsupported: \d of \d+ operators cannot run", first)
    lines = [line.split(": ") for line in rest[:-1]]
    assert [line[1] for line in lines] == ["this operator is not supported"] * len(lines)
    ways = {line[0]: line[2] for line in lines}
    assert "real numbers" in ways["  layer spectrum (RFFT2D)"]
    assert "docs/operators.md" in ways["  layer best (TOPK_V2)"]
    assert rest[-1].startswith(" hint: ")
    assert "Traceback" not in done.stderr
    assert not (zoo / "out").exists()


MODULES = {
    "nowhere": ("", ["no module nowhere"]),
    "needy": ("import a_package_that_is_not_there\n", ["no module a_package_that_is_not_there", "needy"]),
    "unfinished": ("def model(:\n", ["SyntaxError", "line 1"]),
    "failing": ("1 / 0\n", ["ZeroDivisionError", "failing.py:1"]),
}


@pytest.mark.parametrize("module", MODULES)
def test_modules(module: str, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text, words = MODULES[module]
    if text:
        (workplace / f"{module}.py").write_text(text)
    refusal = refused(capfd, "compile", f"{module}:model", "--out", "out")
    assert all(word in refusal.text for word in words), refusal


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


def _noise(data: bytes) -> bytes:
    return data[:8] + np.random.default_rng(0).bytes(400)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "truncated": _half,
    "noise": _noise,
    "text": lambda data: b"<html>404 Not Found</html>",
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("suffix", [".tflite", ".keras", ".h5"])
def test_damaged_files(
    suffix: str, damage: str, keras_files: Path, workplace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = workplace / f"bad{suffix}"
    path.write_bytes(DAMAGE[damage]((keras_files / f"small{suffix}").read_bytes()))
    data = [] if suffix == ".tflite" else ["--data", str(keras_files / "small.npz")]
    refusal = refused(capfd, "deploy", path.name, *data, "--out", "out")
    assert path.name in refusal.problem
    assert [p.name for p in workplace.iterdir()] == [path.name]


@pytest.fixture(scope="module")
def keras_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model as ``.keras``, ``.h5``, ``.tflite`` and SavedModel."""
    folder = tmp_path_factory.mktemp("files") / "files"
    shutil.copytree(small(), folder)
    with captured(python_too=True):
        model = keras3().models.load_model(folder / "small.keras")
        model.save(folder / "small.h5")
        model.export(folder / "saved")
    return folder


def test_a_flipped_byte_in_a_keras_file(keras_files: Path, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (workplace / "bad.keras").write_bytes(_flipped((keras_files / "small.keras").read_bytes()))
    refusal = refused(capfd, "compile", "bad.keras", "--data", str(keras_files / "small.npz"), "--out", "out")
    assert "bad.keras is damaged" in refusal.problem


def test_a_keras_file_without_its_weights(
    keras_files: Path, workplace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(keras_files / "small.keras") as whole, zipfile.ZipFile("bad.keras", "w") as part:
        for name in ("metadata.json", "config.json"):
            part.writestr(name, whole.read(name))
    refusal = refused(capfd, "compile", "bad.keras", "--data", str(keras_files / "small.npz"), "--out", "out")
    assert "model.weights.h5" in refusal.problem


@pytest.mark.parametrize(
    "file", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]
)
@pytest.mark.parametrize("damage", ["empty", "truncated", "noise", "missing"])
def test_damaged_saved_models(
    file: str, damage: str, keras_files: Path, workplace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(keras_files / "saved", "bad")
    path = workplace / "bad" / file
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(DAMAGE[damage](path.read_bytes()))
    refusal = refused(capfd, "compile", "bad", "--data", str(keras_files / "small.npz"), "--out", "out")
    assert "bad" in refusal.problem
    assert not (workplace / "out").exists()


PLACES = {
    "missing.tflite": "No such file",
    "missing.keras": "no model missing.keras",
    "missing": "no model missing",
    "folder": "saved_model.pb",
    "folder.tflite": "directory",
    "model.onnx": "model.onnx",
    "": "saved_model.pb",
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("command", ["compile", "inspect"])
def test_no_model_there(name: str, command: str, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (workplace / "folder").mkdir()
    (workplace / "folder.tflite").mkdir()
    (workplace / "model.onnx").write_bytes(b"ONNX")
    before = contents(workplace)
    assert PLACES[name] in refused(capfd, command, name).problem
    assert contents(workplace) == before


def test_every_operator_of_a_tflite_that_cannot_run(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Unknown operators and known ones with attributes outside their constraints, in one list."""
    names = ("net/in/x", "net/bend/y", "net/turn/z", "net/join/w")
    x, y, z, w = (TensorSpec((1, 4, 4, 2), scale=(0.1,), zero_point=(0,), name=name) for name in names)
    operators = [
        Operator("UNIQUE", (x,), (y,)),
        Operator("ADD", (y, y), (z,), {"fusedActivationFunction": 4}),
        Operator("HASHTABLE_LOOKUP", (x, z), (w,)),
    ]
    (workplace / "net.tflite").write_bytes(write_model(operators))
    refusal = refused(capfd, "deploy", "net.tflite", "--out", "out")
    assert "3 of 3 operators cannot run" in refusal.problem
    lines = (
        "layer bend (UNIQUE): this operator is not supported: how much it gives depends on the values",
        "layer turn (add): its fused activation must be none",
        "layer join (HASHTABLE_LOOKUP): this operator is not supported: look the numbers up before the model",
    )
    assert all(line in refusal.problem for line in lines), refusal.problem
    assert not (workplace / "out").exists()


def test_every_reason_of_a_layer_is_told_at_once(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """All constraints that a node does not meet, and what is wrong with a tensor that no operator is refused for."""
    x = TensorSpec((2, 4, 4, 2), scale=(0.1,), zero_point=(0,), name="net/in/x")
    weights = TensorSpec((2, 3, 3, 1), scale=(0.1,), zero_point=(5,), name="net/conv/w", data=Seeded())
    y = TensorSpec((2, 4, 4, 2), scale=(0.1,), zero_point=(0,), name="net/conv/y")
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, "fusedActivationFunction": 5}
    wide = TensorSpec((1,) * 7, "int32", name="net/wide/x")
    operators = [
        Operator("CONV_2D", (x, weights, None), (y,), options),
        Operator("RESHAPE", (wide, TensorSpec((1,), "int32", data=Exact((1,)))), (TensorSpec((1,), "int32"),)),
    ]
    (workplace / "net.tflite").write_bytes(write_model(operators))
    before = contents(workplace)
    capfd.readouterr()
    assert run(["inspect", "net.tflite", "--json", "--quiet"]) == 2
    reasons = json.loads(capfd.readouterr().out)["refused"]
    assert len(reasons) == 2
    assert reasons[0].startswith("layer conv (conv2d_general): ")
    sentences = ("zero point 0", "its fused activation must be")
    assert all(sentence in reasons[0] for sentence in sentences), reasons[0]
    assert "has 7 dimensions" in reasons[1]
    assert contents(workplace) == before
    refusal = refused(capfd, "compile", "net.tflite", "--out", "out")
    assert all(reason in refusal.problem for reason in reasons)


def test_dynamic_shapes_and_unquantized_control_flow_in_a_tflite(
    workplace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    tf = tensorflow()

    def convert(function: object, *shape: int | None) -> bytes:
        signature = [tf.TensorSpec(shape, tf.float32, name="x")]
        with captured():
            concrete = tf.function(function, input_signature=signature, autograph=False).get_concrete_function()
            return bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert())

    (workplace / "open.tflite").write_bytes(convert(tf.nn.relu, 1, None, 3))
    assert "dynamic" in refused(capfd, "compile", "open.tflite").problem
    loop = convert(lambda x: tf.while_loop(lambda y: tf.reduce_sum(y) < 9.0, lambda y: (y + 1.0,), (x,))[0], 1, 4)
    (workplace / "loop.tflite").write_bytes(loop)
    np.savez(workplace / "four.npz", x_calib=np.random.default_rng(0).random((8, 4), np.float32))
    problem = refused(capfd, "compile", "loop.tflite", "--data", "four.npz", "--quantizer", "mcuforge").problem
    assert "loop.tflite" in problem
    assert "takes no models with variables, loops or branches" in problem


def test_an_incomplete_build_folder(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (workplace / "build").mkdir()
    (workplace / "build" / "build.json").write_text('{"name": "small"')
    refusal = refused(capfd, "measure", "build")
    assert "build: not a complete build" in refusal.problem
    assert "deploy" in refusal.hint


def test_the_object_for_machines_comes_alone(workplace: Path) -> None:
    (workplace / "noisy.py").write_text("print('loading')\ndef model():\n    raise ValueError('no')\n")
    assert "no (noisy.py:3)" in refused_outside("deploy", "noisy:model", cwd=workplace).problem
