"""Keras models from every source, and every way in which a file can be wrong."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_kit import images, save_quietly, small_model, two_inputs

from toolchain.errors import DataError, ModelError, ToolError
from toolchain.importers import keras as importer
from toolchain.importers.float_model import FloatModel
from toolchain.importers.keras import load_keras
from toolchain.importers.tensorflow import captured, keras2, keras3, tensorflow


@pytest.fixture(scope="module")
def model() -> Any:
    return small_model()


@pytest.fixture(scope="module")
def folder(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network in every format."""
    place = tmp_path_factory.mktemp("models")
    save_quietly(model, place / "small.keras")
    save_quietly(model, place / "small.h5")
    with captured(python_too=True):
        model.export(place / "small_saved")
    return place


def check_equals(found: FloatModel, model: Any) -> None:
    x = images(5)
    assert [port.shape for port in found.inputs] == [(1, 8, 8, 1)]
    assert [port.dtype for port in found.inputs] == ["float32"]
    assert [port.shape for port in found.outputs] == [(1, 4)]
    np.testing.assert_allclose(found.predict(x, batch=2), np.asarray(model(x)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["small.keras", "small.h5", "small_saved"])
def test_formats_agree_with_the_model(name: str, folder: Path, model: Any) -> None:
    found = load_keras(folder / name)
    check_equals(found, model)
    assert found.name == Path(name).stem
    assert len(found.sha256) == 64
    assert len(found.layers) == 6
    if name != "small_saved":  # model.export numbers the names itself
        assert found.layers == tuple(layer.name for layer in model.layers[1:])


def test_object(model: Any) -> None:
    found = load_keras(model)
    check_equals(found, model)
    assert found.name == "small"
    assert found.layers == ("conv2d", "conv2d_1", "conv2d_1_1", "dense", "dense_1", "dense_2")
    assert found.sha256 == load_keras(small_model()).sha256, "equal weights have equal hashes"


def test_operations_carry_the_names_of_the_layers(model: Any) -> None:
    """Keras 3 alone would number the scopes and make conv2d_1 of conv2d."""
    operations = {op.name.rsplit("/", 1)[0]: op.type for op in load_keras(model).concrete().graph.get_operations()}
    assert operations.keys() >= {"small/conv2d", "small/conv2d_1", "small/conv2d_1_1", "small/dense_1", "small/dense_2"}
    assert not [name for name in operations if name.startswith("small_")]
    assert "call" not in vars(model.layers[1]), "the model is left as it was"


def test_module_function_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    (tmp_path / "my_models.py").write_text("from model_kit import small_model as make\nnumber = 3\n")
    monkeypatch.chdir(tmp_path)
    check_equals(load_keras("my_models:make"), model)
    check_equals(load_keras("./my_models.py:make"), model)
    with pytest.raises(ModelError, match="no function number"):
        load_keras("my_models:number")
    with pytest.raises(ModelError, match=r"no module my_model\n"):
        load_keras("my_model:make")


def test_function_that_fails_or_returns_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_models.py").write_text("def fails():\n    return 1 / 0\ndef other():\n    return 'hello'\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"ZeroDivisionError.*broken_models.py:2"):
        load_keras("broken_models:fails")
    with pytest.raises(ModelError, match=r"no Keras model, found builtins.str"):
        load_keras("broken_models:other")


def test_legacy_keras_2_file(tmp_path: Path) -> None:
    """Keras 3 refuses the ``groups`` that Keras 2 wrote into DepthwiseConv2D: the file's version decides."""
    legacy = keras2()
    layers = legacy.layers
    image = legacy.Input((6, 6, 2))
    network = legacy.Model(image, layers.Flatten()(layers.DepthwiseConv2D(3)(image)), name="old")
    for name in ("old.h5", "old.keras"):
        found = load_keras(save_quietly(network, tmp_path / name))
        x = np.random.default_rng(1).random((3, 6, 6, 2), np.float32)
        np.testing.assert_allclose(found.predict(x), np.asarray(network(x)), rtol=1e-5, atol=1e-6)
        assert type(found.function.args[0]).__module__.startswith("tf_keras")  # type: ignore[attr-defined]


def test_plain_saved_model_with_a_signature(tmp_path: Path) -> None:
    tf = tensorflow()
    module = tf.Module()
    module.weight = tf.Variable([[2.0], [3.0]])
    call = tf.function(lambda x: {"sum": x @ module.weight}, autograph=False)
    call = call.get_concrete_function(tf.TensorSpec((None, 2), tf.float32, name="x"))
    with captured(python_too=True):
        tf.saved_model.save(module, str(tmp_path / "plain"), signatures={"serving_default": call})
    found = load_keras(tmp_path / "plain")
    assert found.predict(np.array([[1, 1], [2, 0]], np.float32)).tolist() == [[5.0], [4.0]]
    assert [port.name for port in found.outputs] == ["sum"]


def test_two_inputs_keep_their_order(tmp_path: Path) -> None:
    network = two_inputs()
    with captured(python_too=True):
        network.export(tmp_path / "two_saved")
    b, a = np.ones((4, 3), np.float32), np.full((4, 5), 2, np.float32)
    wanted = np.asarray(network([b, a]))
    found = load_keras(network)
    assert [port.name for port in found.inputs] == ["b", "a"]
    np.testing.assert_allclose(found.predict([b, a]), wanted, rtol=1e-6)
    exported = load_keras(tmp_path / "two_saved")
    columns = {"b": b, "a": a}
    by_name = [
        columns[port.name[0]] if port.name in columns else columns["b" if port.shape == (1, 3) else "a"]
        for port in exported.inputs
    ]
    np.testing.assert_allclose(exported.predict(by_name), wanted, rtol=1e-6)
    with pytest.raises(DataError, match="has 2 inputs, the data has 1"):
        found.predict(b)
    with pytest.raises(DataError, match="takes samples of"):
        found.predict([a, b])


def edit_zip(source: Path, target: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


@pytest.mark.parametrize("name", ["small.keras", "small.h5"])
@pytest.mark.parametrize("share", [0.0, 0.002, 0.3, 0.9, 0.999])
def test_truncated_files(name: str, share: float, folder: Path, tmp_path: Path) -> None:
    content = (folder / name).read_bytes()
    short = tmp_path / name
    short.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError) as caught:
        load_keras(short)
    assert name in caught.value.problem
    assert caught.value.hint


def test_flipped_byte_in_keras_file(folder: Path, tmp_path: Path) -> None:
    content = bytearray((folder / "small.keras").read_bytes())
    with zipfile.ZipFile(folder / "small.keras") as archive:
        place = archive.getinfo("model.weights.h5").header_offset + 3000
    content[place] ^= 0xFF
    (tmp_path / "flipped.keras").write_bytes(content)
    with pytest.raises(ModelError, match=r"the checksum of model.weights.h5 is wrong"):
        load_keras(tmp_path / "flipped.keras")


def test_keras_file_without_a_part(folder: Path, tmp_path: Path) -> None:
    path = edit_zip(folder / "small.keras", tmp_path / "part.keras", lambda n, c: None if n == "config.json" else c)
    with pytest.raises(ModelError, match=r"config.json is missing"):
        load_keras(path)


def test_keras_file_with_bad_json(folder: Path, tmp_path: Path) -> None:
    path = edit_zip(folder / "small.keras", tmp_path / "json.keras", lambda n, c: b"{" if n == "config.json" else c)
    with pytest.raises(ModelError, match=r"config.json is no JSON"):
        load_keras(path)


def test_unknown_layer_has_a_hint(folder: Path, tmp_path: Path) -> None:
    def rename(name: str, content: bytes) -> bytes:
        return content.replace(b'"Dense"', b'"MyDense"') if name == "config.json" else content

    with pytest.raises(ModelError, match="Keras 3 cannot load") as caught:
        load_keras(edit_zip(folder / "small.keras", tmp_path / "own.keras", rename))
    assert "module:function" in caught.value.hint


def test_files_that_are_no_models(tmp_path: Path, folder: Path) -> None:
    h5py = importlib.import_module("h5py")
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["kernel"] = np.zeros(3)
    (tmp_path / "text.h5").write_text("hello, I am a text")
    (tmp_path / "model.onnx").write_bytes(b"x")
    (tmp_path / "empty_folder").mkdir()
    for name, reason in {
        "weights.h5": "holds no model configuration",
        "text.h5": "neither an HDF5 nor a Keras 3 file",
        "model.onnx": "no Keras model by its name",
        "empty_folder": "saved_model.pb is missing",
        "absent.h5": "there is no model",
    }.items():
        with pytest.raises(ModelError, match=reason) as caught:
            load_keras(tmp_path / name)
        assert caught.value.hint
    wrong_suffix = tmp_path / "really_h5.keras"
    wrong_suffix.write_bytes((folder / "small.h5").read_bytes())
    with pytest.raises(ModelError, match=r"is a \.h5 file by its content"):
        load_keras(wrong_suffix)


def test_damaged_saved_model(tmp_path: Path, folder: Path) -> None:
    for name, victim in {"graph": "saved_model.pb", "data": "variables/variables.data-00000-of-00001"}.items():
        copy = tmp_path / name
        for file in (folder / "small_saved").rglob("*"):
            if file.is_file():
                target = copy / file.relative_to(folder / "small_saved")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
        content = (copy / victim).read_bytes()
        (copy / victim).write_bytes(content[: len(content) // 2])
        with pytest.raises(ModelError, match="damaged"):
            load_keras(copy)
        (copy / victim).unlink()
        with pytest.raises(ModelError, match="missing"):
            load_keras(copy)


def test_lambda_is_not_run_from_a_file(folder: Path, tmp_path: Path) -> None:
    def plant(name: str, content: bytes) -> bytes:
        if name != "config.json":
            return content
        config = json.loads(content)
        config["config"]["layers"][2]["class_name"] = "Lambda"
        return json.dumps(config).encode()

    with pytest.raises(ModelError, match=r"Python code in the Lambda layer conv2d_1,"):
        load_keras(edit_zip(folder / "small.keras", tmp_path / "lambda.keras", plant))


def test_open_and_fixed_dimensions() -> None:
    layers = keras3().layers
    image = keras3().Input((None, 8, 1), name="image")
    network = keras3().Model(image, layers.GlobalAveragePooling2D()(image))
    with pytest.raises(ModelError, match=r"dimension 1 of image of .* is dynamic: \(None, None, 8, 1\)"):
        load_keras(network)
    batch = keras3().Input(batch_shape=(4, 3), name="rows")
    with pytest.raises(ModelError, match=r"the batch dimension of rows of .* is fixed to 4"):
        load_keras(keras3().Model(batch, layers.Dense(2)(batch)))
    single = keras3().Input(batch_shape=(1, 3), name="row")
    found = load_keras(keras3().Model(single, layers.Dense(2)(single)))
    assert found.predict(np.zeros((5, 3), np.float32)).shape == (5, 2)
    with pytest.raises(ModelError, match="no fixed input shape"):
        load_keras(keras3().Sequential([layers.Dense(2)]))


def test_weights_that_are_not_finite() -> None:
    network = small_model()
    values = network.get_layer("dense_1").get_weights()
    values[0][0, 0] = np.nan
    network.get_layer("dense_1").set_weights(values)
    with pytest.raises(ModelError, match=r"not finite in dense_1\n"):
        load_keras(network)


def test_without_tensorflow(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in ("tensorflow", "keras", "tf_keras", "h5py"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    for name in ("small.keras", "small.h5", "small_saved"):
        with pytest.raises(ToolError) as caught:
            importer.load_keras(folder / name)
        assert caught.value.hint == "pip install 'mcuforge[keras]'"


def test_terminal_stays_clean_and_tensorflow_is_lazy(folder: Path) -> None:
    script = (
        "import sys\n"
        "from toolchain.importers.keras import load_keras\n"
        "from toolchain.quantize.tflite_ptq import quantize\n"
        "import toolchain.data, numpy as np\n"
        "assert not {'tensorflow', 'keras', 'h5py'} & set(sys.modules)\n"
        "x = np.random.default_rng(0).random((4, 8, 8, 1), np.float32)\n"
        "model = load_keras(sys.argv[1])\n"
        "model.predict(x)\n"
        "quantize(model, x)\n"
    )
    command = [sys.executable, "-c", script, str(folder / "small.keras")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
