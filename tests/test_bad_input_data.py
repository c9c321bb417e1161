"""Data that cannot serve: refused with the file, the array, what was wanted and what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import model_kit
import numpy as np
import pytest
from job_kit import document, refused, refused_outside, small

from toolchain.cli import run

IMAGES = model_kit.images(40)
LABELS = np.arange(40) % 4


def _with(value: float) -> Any:
    images = IMAGES.copy()
    images[3, 2, 2, 0] = value
    return images


# file: arrays, what the problem says
ARCHIVES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "shape": ({"x_calib": IMAGES[:, :7, :7]}, ["x_calib", "(8, 8, 1)", "(40, 7, 7, 1)"]),
    "flat": ({"x_calib": IMAGES.reshape(40, 64)}, ["x_calib", "(8, 8, 1)", "(40, 64)"]),
    "text": ({"x_calib": np.array(["a"] * 40)}, ["x_calib", "<U1"]),
    "objects": ({"x_calib": np.array([{}] * 40, dtype=object)}, ["Python objects"]),
    "nan": ({"x_calib": _with(np.nan)}, ["x_calib", "1 values that are NaN", "sample 3"]),
    "infinite": ({"x_calib": IMAGES, "x_test": _with(np.inf)}, ["x_test", "infinite", "sample 3"]),
    "constant": ({"x_calib": np.full_like(IMAGES, 0.5)}, ["constant", "0.5"]),
    "repeated": ({"x_calib": np.repeat(IMAGES[:1], 40, axis=0)}, ["repeats one sample 40 times"]),
    "one": ({"x_calib": IMAGES[:1]}, ["one sample"]),
    "none": ({"x_calib": IMAGES[:0]}, ["x_calib is empty"]),
    "without": ({"x_test": IMAGES, "y_test": LABELS}, ["needs representative samples"]),
    "others": ({"images": IMAGES}, ["neither x_calib nor x_test", "images"]),
    "above": ({"x_calib": IMAGES, "x_test": IMAGES, "y_test": LABELS + 1}, ["y_test", "from 1 to 4", "4 classes"]),
    "below": ({"x_calib": IMAGES, "x_test": IMAGES, "y_test": LABELS - 1}, ["y_test", "from -1 to 2", "4 classes"]),
    "fractions": ({"x_calib": IMAGES, "x_test": IMAGES, "y_test": LABELS / 3}, ["y_test", "float64"]),
    "pairs": ({"x_calib": IMAGES, "x_test": IMAGES, "y_test": np.stack([LABELS] * 2, 1)}, ["y_test", "(2,)", "(4,)"]),
    "fewer": ({"x_calib": IMAGES, "x_test": IMAGES, "y_test": LABELS[:9]}, ["y_test", "40 labels", "(9,)"]),
    "names": ({"x_calib": IMAGES, "x_test": IMAGES, "y_test": np.array(["cat"] * 40)}, ["y_test", "<U3"]),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_archives(name: str, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arrays, words = ARCHIVES[name]
    np.savez(workplace / f"{name}.npz", **arrays)
    refusal = refused(capfd, "deploy", str(small() / "small.keras"), "--data", f"{name}.npz", "--out", "out")
    where = [] if name == "without" else [f"{name}.npz"]
    assert all(word in refusal.problem for word in [*where, *words]), refusal
    assert [p.name for p in workplace.iterdir()] == [f"{name}.npz"]


def test_labels_are_checked_before_the_board_is_touched(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    np.savez("above.npz", x_test=IMAGES, y_test=LABELS + 1)
    arguments = ("emulate", str(small() / "small.tflite"), "--data", "above.npz", "--out", "out")
    assert run(arguments) == 2
    assert "Building" not in capfd.readouterr().err


FILES = {
    "missing.npz": (None, ["no data at missing.npz"]),
    "empty.npz": (b"", ["empty.npz is damaged"]),
    "truncated.npz": (b"half", ["truncated.npz is damaged"]),
    "noise.npy": (np.random.default_rng(0).bytes(300), ["noise.npy is damaged"]),
    "table.csv": (b"1,2,3\n", ["table.csv is of no known kind"]),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("option", ["--data", "--representative", "--evaluation"])
def test_files(name: str, option: str, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content, words = FILES[name]
    if content == b"half":
        np.savez(workplace / name, x_calib=IMAGES)
        content = (workplace / name).read_bytes()[:4000]
    if content is not None:
        (workplace / name).write_bytes(content)
    command = "deploy" if option == "--evaluation" else "compile"
    refusal = refused(capfd, command, str(small() / "small.keras"), option, name, "--out", "out")
    assert all(word in refusal.problem for word in words), refusal
    assert not (workplace / "out").exists()


def test_a_pickle_is_not_run(workplace: Path) -> None:
    """Loading one would run whatever code it holds."""

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (workplace / "sprung",)

    np.save("trap.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    refusal = refused_outside("compile", str(small() / "small.keras"), "--data", "trap.npy", cwd=workplace)
    assert "Python objects" in refusal.problem
    assert not (workplace / "sprung").exists()


FUNCTIONS = {
    "raises": ("raise OSError('the disk is in the cupboard')", ["OSError", "in the cupboard", "samples.py:2"]),
    "number": ("return 3", ["returned int"]),
    "wrong_key": ("return {'x_train': 1}", ["x_train"]),
    "three": ("return 1, 2, 3", ["returned tuple"]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    body, words = FUNCTIONS[name]
    (workplace / "samples.py").write_text(f"def {name}():\n    {body}\n")
    model = str(small() / "small.keras")
    refusal = refused(capfd, "compile", model, "--data", f"samples.py:{name}", "--out", "out")
    assert all(word in refusal.problem for word in words), refusal


def test_folders(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (workplace / "pictures" / "cats").mkdir(parents=True)
    model = str(small() / "small.keras")
    assert "no images" in refused(capfd, "compile", model, "--data", "pictures").problem
    (workplace / "pictures" / "cats" / "one.png").write_bytes(b"no picture")
    assert "one.png" in refused(capfd, "compile", model, "--data", "pictures").problem


def test_a_model_with_two_inputs_needs_two_arrays(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    model_kit.save_quietly(model_kit.two_inputs(), workplace / "two.keras")
    rng = np.random.default_rng(0)
    np.savez("single.npz", x_calib=rng.random((40, 3), np.float32))
    assert "2 inputs (b, a)" in refused(capfd, "compile", "two.keras", "--data", "single.npz").problem
    np.savez("odd.npz", x_calib_0=rng.random((40, 3)), x_calib_1=rng.random((39, 5)))
    assert "[40, 39]" in refused(capfd, "compile", "two.keras", "--data", "odd.npz").problem


def test_too_few_samples_are_a_warning_in_terminal_and_report(
    workplace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    np.savez("few.npz", x_calib=IMAGES[:31])
    command = ["emulate", str(small() / "small.keras"), "--data", "few.npz", "--out", "out", "--quiet"]
    assert run(command) == 0
    assert "warning: only 31 representative samples" in capfd.readouterr().err
    report = json.loads((workplace / "out" / "report.json").read_text())
    assert any("31 representative samples" in note for note in report["notes"])
    np.savez("enough.npz", x_calib=IMAGES[:32])
    command[3] = "enough.npz"
    assert document(capfd, *command)["notes"] == []


def test_auc_needs_both_kinds(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Told before anything is measured, for the samples that --limit leaves."""
    from toolchain.importers.tensorflow import keras3

    keras = keras3()
    keras.utils.set_random_seed(5)
    x = keras.Input((6,))
    model_kit.save_quietly(keras.Model(x, keras.layers.Dense(6)(x)), workplace / "auto.keras")
    rows = np.random.default_rng(0).random((40, 6), np.float32)
    np.savez("rows.npz", x_calib=rows, x_test=rows, y_test=np.arange(40) // 20)
    arguments = ("emulate", "auto.keras", "--data", "rows.npz", "--out", "out")
    refusal = refused(capfd, *arguments, "--limit", "20")
    assert "all 20 labels are 0" in refusal.problem
    assert "--limit" in refusal.hint
    assert document(capfd, *arguments, "--limit", "21")["accuracy"]["metric"] == "auc"
