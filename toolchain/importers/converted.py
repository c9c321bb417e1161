"""ONNX files and exported PyTorch programs become float ``.tflite`` files by maintained converters, which are optional.

``.onnx`` by onnx2tf, ``.pt2`` (``torch.export.save``) by litert-torch. Inputs keep the order of their dimensions, so
that samples are given as the model takes them; the transposes that this leaves go in ``passes/move_transposes.py``.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from toolchain.errors import ModelError, ToolError
from toolchain.importers.float_model import first_line
from toolchain.importers.reading import Reading
from toolchain.importers.tensorflow import captured
from toolchain.importers.tflite_forms import with_output_shapes

_EXPORT = "torch.export.save(torch.export.export(model.eval(), (example,)), 'model.pt2')"
_DAMAGED = "export or copy the file again"
_FIXED = "say a sample's shape: --input-shape 3x32x32, or export the model with fixed dimensions"
_OTHER_SUFFIXES = (".pt", ".pth", ".ckpt", ".safetensors", ".torchscript")


def convert_onnx(path: Path, reading: Reading) -> bytes:
    """The model of an ``.onnx`` file as a ``.tflite``. ToolError without onnx2tf, ModelError when it refuses."""
    onnx, converter = _package("onnx", "onnx", path), _package("onnx2tf", "onnx", path)
    model = _onnx(onnx, path)
    names = _fix_inputs(model.graph, path, reading)
    shapes = _flatten_outputs(onnx, model, path)
    with tempfile.TemporaryDirectory(prefix="mcuforge-") as folder, _reasons(path, "onnx2tf"):
        prepared = Path(folder) / "model.onnx"
        onnx.save(model, str(prepared))
        converter.convert(
            input_onnx_file_path=str(prepared),
            output_folder_path=str(Path(folder) / "out"),
            keep_shape_absolutely_input_names=names,
            copy_onnx_input_output_names_to_tflite=True,
            non_verbose=True,
        )
        made = sorted((Path(folder) / "out").glob("*_float32.tflite"))
        if not made:
            raise ValueError("it wrote no float32 model")
        return with_output_shapes(made[0].read_bytes(), shapes)


def _onnx(onnx: Any, path: Path) -> Any:
    with captured():
        try:
            onnx.checker.check_model(str(path))
            return onnx.load(str(path))
        # protobuf, onnx and the file system each raise errors of their own for files that are none.
        except Exception as error:
            raise ModelError(f"{path} is damaged, or no ONNX file: {first_line(error)}", _DAMAGED) from error


def _fix_inputs(graph: Any, path: Path, reading: Reading) -> list[str]:
    """The inputs' names, with all dimensions fixed in the graph; ModelError for one that stays open."""
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    names = [str(value.name) for value in inputs]
    reading.check_names(names, str(path))
    problems = []
    for k, value in enumerate(inputs):
        found = value.type.tensor_type.shape.dim
        dims = [d.dim_value if d.HasField("dim_value") else None for d in found]
        said = reading.shape_for(k, value.name)
        if said is not None and len(said) + 1 != len(dims):
            problems.append(f"input {value.name} has {len(dims)} dimensions, --input-shape {len(said)} and the batch")
            continue
        if said is not None:
            dims = [1, *said]
        elif dims and (dims[0] is None or reading.batch_one):
            dims[0] = 1
        if not all(dims):
            problems.append(f"input {value.name} has the dynamic shape {[size or '?' for size in dims]}")
            continue
        for dim, size in zip(found, dims, strict=True):
            dim.dim_value = size
    if problems:
        raise ModelError(f"{path}: cannot run\n  " + "\n  ".join(problems), _FIXED)
    return names


def _flatten_outputs(onnx: Any, model: Any, path: Path) -> list[tuple[int, ...]]:
    """The outputs' shapes. In the model they become (1, elements), which no converter puts in another order."""
    graph = model.graph
    del graph.value_info[:]
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")
    with captured():
        try:
            inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
        except Exception as error:  # of protobuf, or of any operator's own rule
            raise ModelError(f"{path}: its shapes contradict each other: {first_line(error)}", _DAMAGED) from error
    shapes = [tuple(int(d.dim_value) for d in value.type.tensor_type.shape.dim) for value in inferred.graph.output]
    if not all(value.type.tensor_type.HasField("shape") for value in inferred.graph.output) or 0 in sum(shapes, ()):
        unknown = ", ".join(f"{v.name} {list(s)}" for v, s in zip(graph.output, shapes, strict=True))
        raise ModelError(f"{path}: the shapes of its outputs depend on values, or are unknown: {unknown}", _FIXED)
    flat = onnx.numpy_helper.from_array(np.array([1, -1], np.int64), "mcuforge_flat")
    graph.initializer.append(flat)
    for value in graph.output:
        name, inner = value.name, f"{value.name}_in_shape"
        for node in graph.node:
            node.input[:] = [inner if n == name else n for n in node.input]
            node.output[:] = [inner if n == name else n for n in node.output]
        graph.node.append(onnx.helper.make_node("Reshape", [inner, flat.name], [name], name=f"{name}_flat"))
    return shapes


def convert_pt2(path: Path, reading: Reading) -> bytes:
    """An exported PyTorch program as a ``.tflite``. ToolError without litert-torch, ModelError when it refuses."""
    torch, converter = _package("torch", "torch", path), _package("litert_torch", "torch", path)
    with captured(python_too=True):
        try:
            program = torch.export.load(str(path))
        # A zip file, a serialized graph and pickled weights each fail in ways of their own.
        except Exception as error:
            raise ModelError(f"{path} is damaged, or no exported program: {first_line(error)}", _DAMAGED) from error
    arguments, named = _examples(torch, program, path, reading)
    with _reasons(path, "litert-torch"), tempfile.TemporaryDirectory(prefix="mcuforge-") as folder:
        made = converter.convert(program.module(), arguments, named)
        out = Path(folder) / "model.tflite"
        made.export(str(out))
        return out.read_bytes()


def _examples(torch: Any, program: Any, path: Path, reading: Reading) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Inputs like those that the program was exported with, in the shapes that the user wants."""
    if program.example_inputs is None:
        raise ModelError(f"{path} holds no example inputs", f"export it with them: {_EXPORT}")
    arguments, named = program.example_inputs
    names = [spec.arg.name for spec in program.graph_signature.input_specs if spec.kind.name == "USER_INPUT"]
    reading.check_names(names, str(path))
    flat = [*arguments, *named.values()]
    if len(flat) != len(names) or not all(isinstance(value, torch.Tensor) for value in flat):
        raise ModelError(f"{path} takes more than plain tensors", "export a model that takes tensors alone")
    made = []
    for k, (name, value) in enumerate(zip(names, flat, strict=True)):
        said = reading.shape_for(k, name)
        shape = tuple(value.shape) if said is None else (1, *said)
        if reading.batch_one:
            shape = (1, *shape[1:])
        made.append(value if shape == tuple(value.shape) else torch.zeros(shape, dtype=value.dtype))
    return tuple(made[: len(arguments)]), dict(zip(named, made[len(arguments) :], strict=True))


CONVERTERS: dict[str, Callable[[Path, Reading], bytes]] = {".onnx": convert_onnx, ".pt2": convert_pt2}


def check_suffix(path: Path) -> None:
    """ModelError that tells how to export what PyTorch saves otherwise: weights, or programs for itself alone."""
    if path.suffix.lower() in _OTHER_SUFFIXES:
        raise ModelError(f"{path} does not hold a whole model that others can read", f"export it: {_EXPORT}")


def _package(name: str, extra: str, path: Path) -> Any:
    try:
        with captured(python_too=True):
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ToolError(
            f"reading {path} needs the package {error.name}, which is not installed", f"pip install 'mcuforge[{extra}]'"
        ) from error


@contextmanager
def _reasons(path: Path, converter: str) -> Iterator[None]:
    """A ModelError with the converter's own reason for whatever it raises; some exit instead."""
    with captured(python_too=True) as output:
        try:
            yield
        except (Exception, SystemExit) as error:
            failure: BaseException | None = error
        else:
            failure = None
    if failure is not None:
        reason = _last_error(output.text.splitlines()) if isinstance(failure, SystemExit) else first_line(failure)
        raise ModelError(
            f"{converter} cannot convert {path}: {reason}", "replace the operator that it names, or export it otherwise"
        ) from failure


def _last_error(lines: Sequence[str]) -> str:
    named = [line.strip() for line in lines if "ERROR" in line]
    return named[-1] if named else "it gives no reason"
