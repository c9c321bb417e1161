"""Keras models that do not say everything: layers of the user's own, open shapes, subclasses, dictionaries."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from job_kit import document, refused
from model_kit import save_quietly
from support.oracle import run_tflm

from toolchain.assess import random_codes
from toolchain.errors import ModelError
from toolchain.front import prepare
from toolchain.importers.keras import load_keras
from toolchain.importers.reading import Reading, parse_shapes
from toolchain.importers.tensorflow import captured, keras2, keras3
from toolchain.job import Job
from toolchain.progress import Progress
from toolchain.reference import run
from toolchain.target import load_target

OWN = """
import {keras} as keras

class Scaled(keras.layers.Layer):
    def __init__(self, factor, **options):
        super().__init__(**options)
        self.factor = factor
    def call(self, x):
        return x * self.factor
    def get_config(self):
        return {{**super().get_config(), "factor": self.factor}}

def bent(x):
    return keras.backend.relu(x) * 0.5 if hasattr(keras.backend, "relu") else keras.ops.relu(x) * 0.5

class Small(keras.Model):
    def __init__(self, width=4, **options):
        super().__init__(**options)
        self.width = width
        self.hidden = keras.layers.Dense(8, activation="relu", name="hidden")
        self.last = keras.layers.Dense(width, name="last")
    def call(self, x):
        return self.last(self.hidden(x))
    def get_config(self):
        return {{"width": self.width}}

class Pair(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.one = keras.layers.Dense(3, name="one")
        self.two = keras.layers.Dense(3, name="two")
    def call(self, left, right):
        return self.one(left) - self.two(right)

def functional():
    x = keras.Input((6,), name="x")
    y = Scaled(0.25, name="scaled")(keras.layers.Dense(5, activation={activation}, name="dense")(x))
    return keras.Model(x, y)

def small():
    return Small()

def pair():
    return Pair()

def lambda_of_a_name():
    x = keras.Input((6,), name="x")
    return keras.Model(x, keras.layers.Lambda(bent, name="bend")(keras.layers.Dense(4)(x)))
"""


def written(path: Path, keras: str) -> Any:
    """The module, which no import finds: its name is free, and its folder is on no path."""
    path.write_text(OWN.format(keras=keras, activation="bent" if keras == "keras" else "'relu'"))
    loader = importlib.util.spec_from_file_location(path.stem, path)
    assert loader is not None
    assert loader.loader is not None
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    return module


@pytest.fixture(params=["keras", "tf_keras"])
def own(request: pytest.FixtureRequest, workplace: Path) -> Any:
    """(Keras, its module of own layers), which lies in the current directory as own_layers.py."""
    return keras3() if request.param == "keras" else keras2(), written(workplace / "own_layers.py", request.param)


def samples(shape: tuple[int, ...], seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("spec", ["own_layers", "own_layers.py", "./own_layers.py"])
def test_custom_objects(spec: str, suffix: str, own: Any, workplace: Path) -> None:
    keras, module = own
    if keras is keras2() and suffix == ".keras":
        suffix = ".hdf5"  # Keras 2 wrote no other file that mcuforge reads
    made = module.functional()
    path = save_quietly(made, workplace / f"net{suffix}")
    with pytest.raises(ModelError, match=r"Scaled|bent") as caught:
        load_keras(path)
    assert "--custom-objects" in caught.value.hint
    found = load_keras(path, Reading(custom_objects=spec))
    x = samples((3, 6))
    np.testing.assert_allclose(found.predict(x), np.asarray(made(x)), rtol=1e-5, atol=1e-6)


def test_layers_for_keras_3_in_a_file_of_keras_2(own: Any, workplace: Path) -> None:
    """The file is of Keras 2 by its version; what it names is for the Keras that reads it."""
    keras, module = own
    made = module.functional()
    path = save_quietly(made, workplace / "net.h5")
    other = "tf_keras" if keras is keras3() else "keras"
    written(workplace / "other_layers.py", other)
    if keras is keras3():
        with pytest.raises(ModelError, match="Keras 3 cannot load"):
            load_keras(path, Reading(custom_objects="other_layers.py"))
        return
    found = load_keras(path, Reading(custom_objects="other_layers.py"))
    x = samples((3, 6))
    np.testing.assert_allclose(found.predict(x), np.asarray(made(x)), rtol=1e-5, atol=1e-6)


def test_modules_of_custom_objects_that_are_wrong(workplace: Path, own: Any) -> None:
    path = save_quietly(own[1].functional(), workplace / "net.h5")
    (workplace / "broken_layers.py").write_text("1 / 0\n")
    (workplace / "other_things.py").write_text("class Other: pass\n")
    for spec, reason in (
        ("nowhere", "there is no module nowhere"),
        ("broken_layers.py", "ZeroDivisionError"),
        ("other_things.py", r"Scaled|bent"),
    ):
        with pytest.raises(ModelError, match=reason):
            load_keras(path, Reading(custom_objects=spec))


def test_a_lambda_that_names_a_function(workplace: Path) -> None:
    """Its code is in the module of the user's own, not in the file, as it always is in files of Keras 2."""
    made = written(workplace / "own_layers.py", "keras").lambda_of_a_name()
    path = save_quietly(made, workplace / "net.keras")
    found = load_keras(path, Reading(custom_objects="own_layers.py"))
    x = samples((3, 6))
    np.testing.assert_allclose(found.predict(x), np.asarray(made(x)), rtol=1e-5, atol=1e-6)


def test_a_subclass_with_a_shape(own: Any) -> None:
    made = own[1].small()
    with pytest.raises(ModelError, match="no fixed input shape") as caught:
        load_keras(made)
    assert "--input-shape" in caught.value.hint
    found = load_keras(made, Reading(parse_shapes(["6"])))
    assert [port.shape for port in found.inputs] == [(1, 6)]
    assert {"hidden", "last"} <= set(found.layers)
    x = samples((3, 6))
    np.testing.assert_allclose(found.predict(x), np.asarray(made(x)), rtol=1e-5, atol=1e-6)
    with pytest.raises(ModelError, match="cannot be called with inputs of the shapes"):
        load_keras(made, Reading(parse_shapes(["7"])))


@pytest.mark.parametrize("typed", [["left=2", "right=5"], ["right=5", "left=2"], ["2", "5"]])
def test_a_subclass_of_two_arguments(typed: list[str], own: Any) -> None:
    made = own[1].pair()
    found = load_keras(made, Reading(parse_shapes(typed)))
    columns = {"left": samples((3, 2)), "right": samples((3, 5), 1)}
    given = [columns[port.name] for port in found.inputs]
    assert sorted(port.name for port in found.inputs) == ["left", "right"]
    np.testing.assert_allclose(found.predict(given), np.asarray(made(**columns)), rtol=1e-5, atol=1e-6)


def test_a_saved_subclass_knows_its_shape(workplace: Path) -> None:
    made, x = written(workplace / "own_layers.py", "keras").small(), samples((3, 6))
    with captured():
        wanted = np.asarray(made(x))
    path = save_quietly(made, workplace / "sub.keras")
    found = load_keras(path, Reading(custom_objects="own_layers"))
    assert [port.shape for port in found.inputs] == [(1, 6)]
    np.testing.assert_allclose(found.predict(x), wanted, rtol=1e-5, atol=1e-6)


def test_open_dimensions_of_a_functional_model() -> None:
    keras = keras3()
    x = keras.Input((None, 4), name="series")
    made = keras.Model(x, keras.layers.Dense(2)(keras.layers.Conv1D(3, 3)(x)))
    with pytest.raises(ModelError, match="dimension 1 of series of Functional is dynamic") as caught:
        load_keras(made)
    assert "--input-shape" in caught.value.hint
    found = load_keras(made, Reading(parse_shapes(["series=9x4"])))
    assert [port.shape for port in found.inputs + found.outputs] == [(1, 9, 4), (1, 7, 2)]
    with pytest.raises(ModelError, match="has no input other"):
        load_keras(made, Reading(parse_shapes(["other=9x4"])))


@pytest.mark.parametrize("version", [2, 3])
def test_dictionaries_keep_names_and_values_together(version: int) -> None:
    """In an order that is not the alphabet's: what belongs to which name is what counts."""
    keras = keras3() if version == 3 else keras2()
    wide, thin = keras.Input((5,), name="zebra"), keras.Input((3,), name="ant")
    dense = keras.layers.Dense
    made = keras.Model(
        {"zebra": wide, "ant": thin}, {"stripes": dense(2, name="s")(wide), "legs": dense(6, name="l")(thin)}
    )
    found = load_keras(made)
    columns = {"zebra": samples((4, 5)), "ant": samples((4, 3), 1)}
    wanted = made(columns)
    assert {port.name: port.shape for port in found.inputs} == {"zebra": (1, 5), "ant": (1, 3)}
    given = [columns[port.name] for port in found.inputs]
    assert {port.name: port.shape for port in found.outputs} == {"stripes": (1, 2), "legs": (1, 6)}
    for port, values in zip(found.outputs, found.predict_all(given), strict=True):
        np.testing.assert_allclose(values, np.asarray(wanted[port.name]), rtol=1e-5, atol=1e-6)


def test_from_the_command_line(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A subclass with two inputs, data by their names, compiled; what is left out is asked for."""
    written(workplace / "own_layers.py", "keras")
    np.savez(workplace / "d.npz", x_calib_left=samples((40, 2)), x_calib_right=samples((40, 5), 1))
    what = ("compile", "own_layers.py:pair", "--data", "d.npz", "--out", "out")
    assert "--input-shape" in refused(capfd, *what).hint
    made = document(capfd, *what, "--input-shape", "left=2", "--input-shape", "right=5")
    assert made["weights_bytes"] > 0
    assert "is no shape" in refused(capfd, *what, "--input-shape", "left").problem


class Notes(Progress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_what_the_converter_leaves_in_float(workplace: Path) -> None:
    """An island of float32 in an int8 model runs, and the user is told of it."""
    keras = keras3()
    x = keras.Input((12,), name="x")
    y = keras.layers.ELU(name="bend")(keras.layers.Dense(16, name="first")(x))
    made = keras.Model(x, keras.layers.Dense(5, name="last")(y))
    np.savez(workplace / "d.npz", x_calib=samples((40, 12)))
    progress = Notes()
    found = prepare(Job(made, load_target("host"), str(workplace / "d.npz")), progress)
    assert any("no integers for all of bend" in note for note in progress.notes)
    assert "elu" in [node.op for node in found.graph.nodes]
    codes = random_codes(found.graph, 20)
    np.testing.assert_array_equal(run(found.graph, codes)[0], run_tflm(found.tflite, codes)[0])
