"""ONNX files and exported PyTorch programs. What needs their converters runs where these are installed.

They are extras of their own, which fit neither the lock file nor each other: ``make test-converters`` runs this file in
one environment with ``mcuforge[onnx]`` and in one with ``mcuforge[torch]``, and skips nothing of the extra it is for.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.oracle import run_tflm

from toolchain import reference
from toolchain.data.codes import quantize_input
from toolchain.errors import ModelError, ToolError
from toolchain.front import checked_graph, open_source
from toolchain.importers.converted import CONVERTERS
from toolchain.importers.float_tflite import FloatTflite
from toolchain.importers.reading import Reading, parse_shapes
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import reduce
from toolchain.progress import Progress
from toolchain.quantize.ptq import quantize

Array = np.ndarray[Any, Any]


def _needs(package: str, extra: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(package) is None and os.environ.get("MCUFORGE_EXTRA") != extra
    return pytest.mark.skipif(missing, reason=f"{package} is not installed: make test-converters EXTRAS={extra}")


needs_onnx, needs_torch = _needs("onnx2tf", "onnx"), _needs("litert_torch", "torch")


@pytest.mark.parametrize(("suffix", "package"), [(".onnx", "onnx"), (".pt2", "torch")])
def test_the_extra_that_is_missing_is_named(
    suffix: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"anything")
    with pytest.raises(ToolError, match=rf"net\{suffix} needs the package {package}") as caught:
        open_source(path, Progress())
    assert caught.value.hint == f"pip install 'mcuforge[{package}]'"


@pytest.mark.parametrize("suffix", CONVERTERS)
def test_a_file_that_is_not_there(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no model"):
        open_source(tmp_path / f"net{suffix}", Progress())


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "net.safetensors", "net.CKPT"])
def test_weights_alone_are_refused_with_the_line_that_exports(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(ModelError, match="does not hold a whole model") as caught:
        open_source(tmp_path / name, Progress())
    assert "torch.export.save(torch.export.export(" in caught.value.hint


def opened(path: Path, *shapes: str, batch_one: bool = False) -> FloatTflite:
    found = open_source(path, Progress(), Reading(parse_shapes(shapes), batch_one)).float_model
    assert isinstance(found, FloatTflite)
    return found


def check_integers(found: FloatTflite, x: Array) -> list[str]:
    """The int8 model runs here as in TFLM, the reduced one too. The operators that are left."""
    content = quantize(found, [x])
    graph = checked_graph(parse_tflite(content, "net", "net"), "net")
    codes = [quantize_input(x[:6], graph.tensor(graph.inputs[0]))[:, None]]
    reduced = reduce(graph)
    wanted = run_tflm(content, codes)[0]
    assert len(np.unique(wanted)) > 8
    np.testing.assert_array_equal(reference.run(graph, codes)[0], wanted)
    np.testing.assert_array_equal(reference.run(reduced, codes)[0], wanted)
    return [node.op for node in reduced.nodes]


def samples(*shape: int) -> Array:
    return np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)


def onnx_model(path: Path, size: Any = (1, 3, 8, 8), dense: bool = True, operator: str = "Relu") -> Any:
    """Convolution, an operator, depthwise convolution, their sum, pooling; then a classifier, or the image itself."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(1)

    def weights(name: str, *shape: int) -> Any:
        return numpy_helper.from_array(rng.normal(0, 0.3, shape).astype(np.float32), name)

    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["a"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node(operator, ["a"], ["r"]),
        helper.make_node("Conv", ["r", "w2", "b2"], ["d"], name="depthwise", group=8, pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["r", "d"], ["s"], name="sum"),
        helper.make_node("MaxPool", ["s"], ["p" if dense else "y"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    if dense:
        nodes += [
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("Gemm", ["f", "w3", "b3"], ["y"], transB=1),
        ]
    constants = [weights("w1", 8, 3, 3, 3), weights("b1", 8), weights("w2", 8, 1, 3, 3), weights("b2", 8)]
    constants += [weights("w3", 5, 128), weights("b3", 5)] if dense else []
    result = [size[0], 5] if dense else [size[0], 8, 4, 4]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(size))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
        constants,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(made, str(path))
    return made


def onnx_outputs(model: Any, x: Array) -> Array:
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(model)
    return np.concatenate([evaluator.run(None, {"x": row[None]})[0] for row in x])


@needs_onnx
@pytest.mark.parametrize("dense", [True, False], ids=["classifier", "image"])
def test_onnx(dense: bool, tmp_path: Path) -> None:
    """Inputs and outputs keep their layout; the float model and the integers are right; two transposes at most stay."""
    made, x = onnx_model(tmp_path / "net.onnx", dense=dense), samples(40, 3, 8, 8)
    found = opened(tmp_path / "net.onnx")
    assert [port.shape for port in found.inputs] == [(1, 3, 8, 8)]
    assert [port.shape for port in found.outputs] == [(1, 5) if dense else (1, 8, 4, 4)]
    np.testing.assert_allclose(found.predict(x[:4]), onnx_outputs(made, x[:4]), rtol=1e-4, atol=1e-5)
    left = check_integers(found, x)
    assert left.count("transpose") == (1 if dense else 2)


@needs_onnx
def test_an_open_batch_and_open_images_of_onnx(tmp_path: Path) -> None:
    onnx_model(tmp_path / "batch.onnx", ("N", 3, 8, 8))
    assert opened(tmp_path / "batch.onnx").inputs[0].shape == (1, 3, 8, 8)
    onnx_model(tmp_path / "open.onnx", ("N", 3, "H", "W"), dense=False)
    with pytest.raises(ModelError, match="input x has the dynamic shape") as caught:
        opened(tmp_path / "open.onnx")
    assert "--input-shape" in caught.value.hint
    assert opened(tmp_path / "open.onnx", "3x8x8").inputs[0].shape == (1, 3, 8, 8)
    onnx_model(tmp_path / "four.onnx", (4, 3, 8, 8))
    assert opened(tmp_path / "four.onnx", batch_one=True).inputs[0].shape == (1, 3, 8, 8)


@needs_onnx
def test_onnx_files_that_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "net.onnx"
    onnx_model(whole)
    for name, content in (("cut.onnx", whole.read_bytes()[:200]), ("text.onnx", b"<html>"), ("empty.onnx", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=rf"{name} is damaged"):
            opened(tmp_path / name)
    onnx_model(tmp_path / "odd.onnx", operator="Unheard")
    with pytest.raises(ModelError, match=r"odd\.onnx"):
        opened(tmp_path / "odd.onnx")


def torch_model() -> Any:
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8))
            self.depthwise = torch.nn.Conv2d(8, 8, 3, padding=1, groups=8)
            self.score = torch.nn.Linear(128, 5)

        def forward(self, x: Any) -> Any:
            x = torch.relu(self.first(x))
            x = torch.max_pool2d(x + self.depthwise(x), 2)
            return self.score(torch.flatten(x, 1))

    torch.manual_seed(0)
    return Net().eval()


def exported(path: Path, batch: int = 1, open_batch: bool = False) -> Any:
    import torch

    made = torch_model()
    dynamic = ({0: torch.export.Dim("batch", min=1, max=64)},) if open_batch else None
    program = torch.export.export(made, (torch.zeros(batch, 3, 8, 8),), dynamic_shapes=dynamic)
    torch.export.save(program, str(path))
    return made


@needs_torch
def test_torch(tmp_path: Path) -> None:
    import torch

    made, x = exported(tmp_path / "net.pt2"), samples(40, 3, 8, 8)
    found = opened(tmp_path / "net.pt2")
    assert [port.shape for port in found.inputs + found.outputs] == [(1, 3, 8, 8), (1, 5)]
    with torch.no_grad():
        wanted = made(torch.from_numpy(x[:4])).numpy()
    np.testing.assert_allclose(found.predict(x[:4]), wanted, rtol=1e-4, atol=1e-5)
    assert check_integers(found, x).count("transpose") == 1
    layers = {layer for node in parse_tflite(found.content, "n", "n").nodes for layer in node.layers}
    assert {"first.0", "depthwise"} <= layers


@needs_torch
def test_the_batch_of_torch_becomes_one(tmp_path: Path) -> None:
    exported(tmp_path / "open.pt2", 2, open_batch=True)
    assert opened(tmp_path / "open.pt2", batch_one=True).inputs[0].shape == (1, 3, 8, 8)
    assert opened(tmp_path / "open.pt2", "3x8x8").inputs[0].shape == (1, 3, 8, 8)
    exported(tmp_path / "two.pt2", 2)
    with pytest.raises(ModelError, match="batch"):
        opened(tmp_path / "two.pt2")


@needs_torch
def test_torch_files_that_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "net.pt2"
    exported(whole)
    for name, content in (("cut.pt2", whole.read_bytes()[:400]), ("text.pt2", b"<html>"), ("empty.pt2", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ModelError, match=rf"{name} is damaged"):
            opened(tmp_path / name)
