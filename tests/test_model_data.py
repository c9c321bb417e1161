"""Data sets: every source, every shape that fits, every mistake with what was wanted and found."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolchain.data import Dataset, dequantize, load_data, quantize_input
from toolchain.errors import DataError, ToolError
from toolchain.graph import QuantParams, Tensor
from toolchain.importers.float_model import Port

IMAGE = (Port("image", (1, 8, 6, 1), "float32"),)
COLOUR = (Port("image", (1, 8, 6, 3), "float32"),)
RNG = np.random.default_rng(5)


def save(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


def loaded(data: str, inputs: tuple[Port, ...] = IMAGE, **options: Any) -> Dataset:
    return load_data(data, inputs, **options)


def test_npz_with_all_keys(tmp_path: Path) -> None:
    x = RNG.integers(0, 256, (5, 8, 6, 1), dtype=np.uint8)
    y = np.arange(5)
    data = loaded(save(tmp_path / "d.npz", x_calib=x[:2], y_calib=y[:2], x_test=x, y_test=y))
    assert isinstance(data.x_test, np.ndarray)
    assert data.x_test.dtype == np.float32
    np.testing.assert_array_equal(data.x_test, x)  # pixels stay 0 to 255
    np.testing.assert_array_equal(data.x_calib, x[:2])
    np.testing.assert_array_equal(data.y_test, y)
    np.testing.assert_array_equal(data.y_calib, y[:2])


def test_absent_keys_are_none(tmp_path: Path) -> None:
    data = loaded(save(tmp_path / "d.npz", x_calib=np.ones((3, 8, 6, 1)), other=1))
    assert data.x_calib is not None
    assert (data.y_calib, data.x_test, data.y_test) == (None, None, None)


def test_no_data_at_all() -> None:
    assert load_data(None, IMAGE).x_calib is None


@pytest.mark.parametrize("shape", [(7, 8, 6, 1), (7, 8, 6), (7, 1, 8, 6), (7, 1, 8, 6, 1)])
def test_channel_and_batch_dimension_may_be_absent(tmp_path: Path, shape: tuple[int, ...]) -> None:
    x = RNG.random(shape)
    data = loaded(save(tmp_path / "d.npz", x_test=x))
    assert isinstance(data.x_test, np.ndarray)
    assert data.x_test.shape == (7, 8, 6, 1)
    np.testing.assert_array_equal(data.x_test.reshape(shape), x.astype(np.float32))


@pytest.mark.parametrize("shape", [(8, 6, 1), (8, 6)])
def test_a_single_sample(tmp_path: Path, shape: tuple[int, ...]) -> None:
    data = loaded(save(tmp_path / "d.npz", x_test=RNG.random(shape)))
    assert isinstance(data.x_test, np.ndarray)
    assert data.x_test.shape == (1, 8, 6, 1)


@pytest.mark.parametrize(
    ("x", "found"),
    [
        (np.zeros((7, 6, 8, 1), np.float32), r"found float32 \(7, 6, 8, 1\)"),
        (np.zeros((7, 8, 6, 3), np.uint8), r"found uint8 \(7, 8, 6, 3\)"),
        (np.zeros((7, 48), np.float32), r"found float32 \(7, 48\)"),
        (np.float32(3), r"found float32 \(\)"),
        (np.zeros((0, 8, 6, 1)), "is empty"),
        (np.full((7, 8, 6, 1), "a"), "found values of type <U1"),
        (np.zeros((7, 8, 6, 1), np.complex64), "found values of type complex64"),
        (np.where(np.arange(7 * 48).reshape(7, 8, 6, 1) == 100, np.nan, 1), r"found 1 values that are NaN.*sample 2"),
        (np.full((7, 8, 6, 1), 1e200), "too large"),
    ],
)
def test_samples_that_do_not_fit(tmp_path: Path, x: Any, found: str) -> None:
    with pytest.raises(DataError, match=found) as caught:
        loaded(save(tmp_path / "d.npz", x_test=x))
    assert "x_test" in caught.value.problem
    assert str(tmp_path) in caught.value.problem
    if "empty" not in found:
        assert "takes float32 samples of shape (8, 6, 1)" in caught.value.problem


def test_integer_inputs(tmp_path: Path) -> None:
    token = (Port("token", (1, 4), "int32"),)
    data = loaded(save(tmp_path / "d.npz", x_test=np.array([[1.0, 2, 3, 4]])), token)
    assert isinstance(data.x_test, np.ndarray)
    assert data.x_test.dtype == np.int32
    with pytest.raises(DataError, match="found fractions"):
        loaded(save(tmp_path / "f.npz", x_test=np.full((1, 4), 0.5)), token)
    with pytest.raises(DataError, match="found values from -1 to 3000000000"):
        loaded(save(tmp_path / "g.npz", x_test=np.array([[-1, 0, 1, 3_000_000_000]])), token)


def test_labels(tmp_path: Path) -> None:
    x = np.zeros((3, 8, 6, 1))
    for y, found in {
        "short": (np.arange(2), r"3 samples need 3 labels, found an array of shape \(2,\)"),
        "text": (np.array(["a", "b", "c"]), "labels are numbers"),
        "nan": (np.array([0, np.nan, 1]), "NaN"),
    }.values():
        with pytest.raises(DataError, match=found):
            loaded(save(tmp_path / "d.npz", x_test=x, y_test=y))


def test_two_inputs(tmp_path: Path) -> None:
    inputs = (Port("b", (1, 3), "float32"), Port("a", (1, 5), "float32"))
    b, a = np.ones((4, 3)), np.zeros((4, 5))
    data = loaded(save(tmp_path / "d.npz", x_test_0=b, x_test_1=a, y_test=np.arange(4)), inputs)
    assert isinstance(data.x_test, tuple)
    assert [column.shape for column in data.x_test] == [(4, 3), (4, 5)]
    with pytest.raises(DataError, match="different numbers of samples"):
        loaded(save(tmp_path / "e.npz", x_test_0=b, x_test_1=a[:2]), inputs)
    with pytest.raises(DataError, match=r"the model has 2 inputs \(b, a\), found 1"):
        loaded(save(tmp_path / "f.npz", x_test=b), inputs)


def test_two_inputs_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the file's arrays, with their use in front or, given for one use, without; and as a function's dictionary."""
    inputs = (Port("serving_default_left:0", (1, 3), "float32"), Port("serving_default_right:0", (1, 2), "float32"))
    left, right = np.ones((4, 3), np.float32), np.zeros((4, 2), np.float32)
    both = save(tmp_path / "both.npz", x_calib_left=left, x_calib_right=right, x_test_right=right, x_test_left=left)
    alone = save(tmp_path / "alone.npz", right=right, left=left)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samples_by_name.py").write_text(
        "import numpy as np\n"
        "def alone():\n    return {'right': np.zeros((4, 2)), 'left': np.ones((4, 3))}\n"
        "def both():\n    return {'x_calib': alone(), 'x_test': alone()}\n"
        "def wrong():\n    return {'x_calib': {'left': np.ones((4, 3))}}\n"
    )
    for found in (
        loaded(both, inputs),
        load_data(None, inputs, alone, alone),
        loaded("samples_by_name:both", inputs),
        load_data(None, inputs, "samples_by_name:alone", "samples_by_name:alone"),
    ):
        for samples in (found.x_calib, found.x_test):
            assert isinstance(samples, tuple)
            np.testing.assert_array_equal(samples[0], left)
            np.testing.assert_array_equal(samples[1], right)
    with pytest.raises(DataError, match="samples for left; the inputs are left, right"):
        loaded("samples_by_name:wrong", inputs)


def test_damaged_files(tmp_path: Path) -> None:
    good = Path(save(tmp_path / "good.npz", x_test=RNG.random((20, 8, 6, 1)))).read_bytes()
    for share in (0.0, 0.01, 0.5, 0.98):
        (tmp_path / "short.npz").write_bytes(good[: int(len(good) * share)])
        with pytest.raises(DataError, match="damaged"):
            loaded(str(tmp_path / "short.npz"))
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    (tmp_path / "flipped.npz").write_bytes(flipped)
    with pytest.raises(DataError, match="damaged"):
        loaded(str(tmp_path / "flipped.npz"))
    np.save(tmp_path / "x.npy", RNG.random((20, 8, 6, 1)))
    content = (tmp_path / "x.npy").read_bytes()
    for length in (0, 40, 200, len(content) - 1):
        (tmp_path / "short.npy").write_bytes(content[:length])
        with pytest.raises(DataError, match="damaged"):
            loaded(str(tmp_path / "short.npy"))


def test_python_objects_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "trapped",))

    trap = np.array([Trap()], dtype=object)
    np.savez(tmp_path / "d.npz", x_test=trap)
    np.save(tmp_path / "d.npy", trap)
    for name in ("d.npz", "d.npy"):
        with pytest.raises(DataError, match="holds Python objects"):
            loaded(str(tmp_path / name))
    assert not (tmp_path / "trapped").exists()


def test_files_that_are_no_data(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("1,2")
    np.save(tmp_path / "x.npy", np.zeros((2, 8, 6, 1)))
    (tmp_path / "array.npz").write_bytes((tmp_path / "x.npy").read_bytes())
    with zipfile.ZipFile(tmp_path / "zip.npz", "w") as archive:
        archive.writestr("readme.txt", "no arrays here")
    for name, reason in {
        "absent.npz": "there is no data",
        "d.csv": "no known kind",
        "array.npz": "a single array by its content",
        "zip.npz": r"neither x_calib nor x_test \(found: readme.txt\)",
        save(tmp_path / "train.npz", x_train=np.zeros(3)): r"neither x_calib nor x_test \(found: x_train\)",
    }.items():
        with pytest.raises(DataError, match=reason) as caught:
            loaded(str(tmp_path / name))
        assert caught.value.hint


def test_npy_is_what_it_is_given_for(tmp_path: Path) -> None:
    x = RNG.random((4, 8, 6))
    np.save(tmp_path / "x.npy", x)
    path = str(tmp_path / "x.npy")
    both = loaded(path)
    assert both.x_calib is not None
    assert both.x_test is None
    half = load_data(None, IMAGE, evaluation=path)
    assert half.x_calib is None
    assert half.x_test is not None


def test_overrides(tmp_path: Path) -> None:
    ones, twos = np.ones((3, 8, 6, 1)), np.full((2, 8, 6, 1), 2)
    data = save(tmp_path / "d.npz", x_calib=ones, x_test=ones, y_test=np.zeros(3, int))
    other = save(tmp_path / "o.npz", x_calib=twos, y_calib=[1, 2], x_test=twos)
    found = loaded(data, representative=other)
    assert isinstance(found.x_calib, np.ndarray)
    assert isinstance(found.x_test, np.ndarray)
    assert (found.x_calib.max(), found.x_test.max(), len(found.y_calib if found.y_calib is not None else ())) == (
        2,
        1,
        2,
    )
    found = loaded(data, evaluation=other)
    assert isinstance(found.x_test, np.ndarray)
    assert found.x_test.max() == 2
    assert found.y_test is None, "labels never come from another file than their samples"
    only_test = save(tmp_path / "t.npz", x_test=ones)
    with pytest.raises(DataError, match="has no x_calib, which --representative needs"):
        loaded(data, representative=only_test)


def test_module_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_data.py").write_text(
        "import numpy as np\n"
        "from toolchain.data import Dataset\n"
        "x, y = np.ones((4, 8, 6)), np.arange(4)\n"
        "def mapping():\n    print('loading')\n    return {'x_test': x, 'y_test': y}\n"
        "def four():\n    return x, None, x, y\n"
        "def dataset():\n    return Dataset(x_test=x)\n"
        "def pair():\n    return x, y\n"
        "def array():\n    return x\n"
        "def wrong():\n    return {'x_validation': x}\n"
        "def nothing():\n    return None\n"
    )
    monkeypatch.chdir(tmp_path)
    assert loaded("my_data:mapping").y_test is not None
    assert loaded("my_data:four").x_calib is not None
    assert loaded("my_data.py:dataset").x_test is not None
    assert loaded("my_data:array").x_calib is not None
    assert load_data(None, IMAGE, evaluation="my_data:pair").y_test is not None
    with pytest.raises(DataError, match="the keys x_validation"):
        loaded("my_data:wrong")
    with pytest.raises(DataError, match="returned NoneType"):
        loaded("my_data:nothing")
    with pytest.raises(DataError, match="no module my_dat"):
        loaded("my_dat:a")


def test_what_user_code_prints_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "chatty_data.py").write_text(
        "import numpy as np\ndef make():\n    print('loading')\n    return np.ones((4, 8, 6))\n"
    )
    monkeypatch.chdir(tmp_path)
    loaded("chatty_data:make")
    assert capsys.readouterr() == ("", "loading\n")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes, 30 plain grey pictures each, of another size than the model's; 'b' is brighter."""
    from PIL import Image

    for level, name in ((50, "a"), (200, "b")):
        (tmp_path / "set" / name).mkdir(parents=True)
        for index in range(30):
            Image.new("RGB", (20, 10), (level, level, level + index)).save(tmp_path / "set" / name / f"{index:02}.png")
    (tmp_path / "set" / "notes.txt").write_text("no image")
    return tmp_path / "set"


def test_image_folder(pictures: Path) -> None:
    data = loaded(str(pictures), COLOUR)
    again = loaded(str(pictures), COLOUR)
    assert isinstance(data.x_calib, np.ndarray)
    assert isinstance(data.x_test, np.ndarray)
    assert data.y_test is not None
    assert data.y_calib is not None
    assert data.x_calib.shape == (12, 8, 6, 3)
    assert data.x_test.shape == (48, 8, 6, 3)
    assert data.x_test.dtype == np.float32
    np.testing.assert_array_equal(data.x_test[:, 0, 0, 0], np.where(data.y_test == 0, 50, 200))
    np.testing.assert_array_equal(data.x_test, again.x_test)
    assert np.bincount(data.y_calib).tolist() == [6, 6]
    calibrated = {(y, float(x[0, 0, 2])) for x, y in zip(data.x_calib, data.y_calib, strict=True)}
    tested = {(y, float(x[0, 0, 2])) for x, y in zip(data.x_test, data.y_test, strict=True)}
    assert not calibrated & tested
    assert len(calibrated | tested) == 60


def test_image_folder_for_one_use_and_grey(pictures: Path) -> None:
    data = load_data(None, IMAGE, evaluation=str(pictures))
    assert isinstance(data.x_test, np.ndarray)
    assert data.x_test.shape == (60, 8, 6, 1)
    flat = load_data(None, IMAGE, representative=str(pictures / "a"))
    assert isinstance(flat.x_calib, np.ndarray)
    assert len(flat.x_calib) == 30
    assert flat.y_calib is None


def test_image_folders_that_are_refused(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"the model takes \(640,\)"):
        loaded(str(pictures), (Port("x", (1, 640), "float32"),))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        loaded(str(tmp_path / "nothing"), COLOUR)
    (pictures / "c").mkdir()
    with pytest.raises(DataError, match=r"the class folder .*c holds no images"):
        loaded(str(pictures), COLOUR)
    (pictures / "c" / "x.png").write_bytes((pictures / "a" / "00.png").read_bytes()[:40])
    with pytest.raises(DataError, match=r"x.png is no readable image"):
        loaded(str(pictures), COLOUR)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ToolError) as caught:
        loaded(str(pictures), COLOUR)
    assert caught.value.hint == "pip install 'mcuforge[images]'"


def test_codes_and_back() -> None:
    tensor = Tensor("x", (1, 3), "int8", QuantParams((0.5,), (-10,)))
    codes = quantize_input(np.array([0.0, 0.25, -0.25, 0.74, 1000, -1000], np.float32), tensor)
    assert codes.dtype == np.int8
    assert codes.tolist() == [-10, -9, -11, -9, 127, -128]
    assert dequantize(codes, tensor).tolist() == [0, 0.5, -0.5, 0.5, 68.5, -59]
    every = np.arange(-128, 128, dtype=np.int8)
    np.testing.assert_array_equal(quantize_input(dequantize(every, tensor), tensor), every)
