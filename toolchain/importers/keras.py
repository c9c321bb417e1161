"""Keras models from files, folders, functions and objects. Nothing here imports TensorFlow before it is needed."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from toolchain.errors import ModelError
from toolchain.importers.float_model import FloatModel, Port, first_line
from toolchain.importers.keras_files import ModelFile, check_saved_model, examine, sha256_of
from toolchain.importers.keras_inputs import numbered_inputs, with_inputs
from toolchain.importers.python_object import call_object, is_object_spec, public_objects
from toolchain.importers.reading import Reading
from toolchain.importers.recurrent import keeps_state, restart, without_loops
from toolchain.importers.tensorflow import captured, keras2, keras3, tensorflow

SUFFIXES = (".keras", ".h5", ".hdf5")
FORMATS = ".keras, .h5, .tflite, .onnx, .pt2, a SavedModel folder, or module:function that returns a Keras model"
_OBJECT_HINT = "build the model in Python and pass module:function instead of the file"


def load_keras(spec: Any, reading: Reading | None = None) -> FloatModel:
    """A model from ``.keras``, ``.h5``, a SavedModel folder, ``module:function`` or a Keras model object.

    Raises ModelError when it is missing, damaged or has dynamic shapes, ToolError when TensorFlow is missing.
    """
    reading = reading or Reading()
    if not isinstance(spec, (str, os.PathLike)):
        return _from_object(spec, type(spec).__name__, None, reading)
    text = os.fspath(spec)
    if is_object_spec(text):
        with captured():
            made = call_object(text, ModelError)
        return _from_object(made, text, None, reading)
    path = Path(text)
    if path.is_dir():
        return _from_saved_model(path)
    if not path.exists():
        raise ModelError(f"there is no model {path}", f"a model is {FORMATS}")
    if path.suffix.lower() not in SUFFIXES:
        raise ModelError(f"{path} is no Keras model by its name", f"a model is {FORMATS}")
    try:
        return _from_file(examine(path), reading)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror or error}", "check its permissions") from error


def _from_file(file: ModelFile, reading: Reading) -> FloatModel:
    if file.python_layers:
        raise ModelError(
            f"{file.path} holds Python code in the Lambda layer {file.python_layers[0]}, which is not run from a file",
            _OBJECT_HINT,
        )
    own = public_objects(reading.custom_objects, ModelError) if reading.custom_objects else {}
    failures = []
    # Keras 3 reads some of what Keras 2 wrote, with layers of the user's own for Keras 3 above all.
    for keras in [keras3()] if file.keras == 3 else [keras2(), keras3()]:
        try:
            model = _load_by(keras, file, own)
        # Keras raises whatever its parts raise: the file was checked, so what is left is its content.
        except Exception as error:
            failures.append(error)
        else:
            return _from_object(model, os.fspath(file.path), file.path, reading)
    raise ModelError(
        f"Keras {file.keras} cannot load {file.path}: {_reason(failures[0])}", _load_hint(reading)
    ) from failures[0]


def _load_by(keras: Any, file: ModelFile, own: dict[str, Any]) -> Any:
    if keras.__name__ == "keras":
        importlib.import_module("toolchain.keras")  # whose layers Keras then finds by their names
    with captured():
        return keras.models.load_model(os.fspath(file.path), compile=False, custom_objects=own or None)


def _reason(error: BaseException) -> str:
    """What is missing, where Keras says it below what it says of the model as a whole."""
    found = re.search(r"Could not locate \w+ '[^']+'|Unknown [\w ]+: '[^']+'", str(error))
    return found[0] if found else first_line(error)


def _load_hint(reading: Reading) -> str:
    if reading.custom_objects:
        return f"{reading.custom_objects} must have all layers and functions that the file names; or {_OBJECT_HINT}"
    return f"name the module with its own layers and functions: --custom-objects my_layers.py; or {_OBJECT_HINT}"


def _from_object(model: Any, source: str, path: Path | None, reading: Reading) -> FloatModel:
    """``path`` is the file that the model came from, None when it was made in Python."""
    root = type(model).__mro__
    if not any(c.__module__.split(".")[0] in ("keras", "tf_keras") and c.__name__ == "Model" for c in root):
        raise ModelError(
            f"{source} is no Keras model, found {type(model).__module__}.{type(model).__name__}",
            "return a keras.Model with its weights",
        )
    is_keras3 = any(c.__module__.split(".")[0] == "keras" for c in root)
    model = with_inputs(model, source, reading, is_keras3)
    inputs, outputs = model.inputs, model.outputs
    layers = [layer for layer in _all_layers(model) if type(layer).__name__ != "InputLayer"]
    _check_weights(layers, source)
    names = _port_names(model, inputs)
    model.trainable = False
    return FloatModel(
        name=path.stem if path else str(model.name),
        source=source,
        sha256=sha256_of(path) if path else _sha256_of_object(model),
        inputs=tuple(_port(n, t.shape, t.dtype, source) for n, t in zip(names, inputs, strict=True)),
        outputs=tuple(
            _port(str(n), t.shape, t.dtype, source) for n, t in zip(_output_names(model), outputs, strict=True)
        ),
        layers=tuple(layer.name for layer in layers),
        function=partial(_call, model),
        variables=_variables(model, is_keras3),
        any_batch=all(t.shape[0] is None for t in inputs),
        tracing=partial(_for_tracing, model, is_keras3),
        keeps_state=keeps_state(model, source),
        restart=partial(restart, model),
        codes=tuple(layer.codes()[0] for layer in layers if _is_coded(layer)),
    )


def _call(model: Any, tensors: list[Any]) -> list[Any]:
    """Inputs and outputs in the order of ``model.inputs`` and ``model.outputs``, which is by key for dictionaries."""
    nest = tensorflow().nest
    result = model(nest.map_structure(tensors.__getitem__, numbered_inputs(model)), training=False)
    return list(nest.flatten(result))


def _is_coded(layer: Any) -> bool:
    """Whether it is a layer of ``toolchain.keras``, which knows the codes of its weights."""
    return any(c.__module__ == "toolchain.keras.layers" for c in type(layer).__mro__)


def _all_layers(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        yield layer
        if getattr(layer, "layers", None):
            yield from _all_layers(layer)


def _port_names(model: Any, inputs: Any) -> list[str]:
    names = getattr(model, "input_names", None) or [t.name for t in inputs]
    return [re.sub(r"\W", "_", str(name)) for name in names]


def _output_names(model: Any) -> list[str]:
    if isinstance(getattr(model, "output", None), dict):  # a Sequential that was never called has none
        return sorted(model.output)
    return list(getattr(model, "output_names", None) or [f"output_{i}" for i in range(len(model.outputs))])


def _port(name: str, shape: Any, dtype: Any, source: str) -> Port:
    """``shape`` with the batch dimension made 1; ModelError when another dimension is open."""
    sizes = list(shape)
    if not sizes:
        raise ModelError(f"{name} of {source} has no batch dimension", "build the model with keras.Input(shape=...)")
    for index, size in enumerate(sizes[1:], start=1):
        if size is None:
            raise ModelError(
                f"dimension {index} of {name} of {source} is dynamic: {tuple(sizes)}",
                "a microcontroller needs fixed shapes: say them with --input-shape 49x10 (a sample's), or build the "
                "model with keras.Input(shape=...) without None",
            )
    if sizes[0] not in (None, 1):
        raise ModelError(
            f"the batch dimension of {name} of {source} is fixed to {sizes[0]}", "leave it open (None) or make it 1"
        )
    return Port(name, (1, *(int(size) for size in sizes[1:])), getattr(dtype, "name", None) or str(dtype))


def _check_weights(layers: list[Any], source: str) -> None:
    bad = []
    for layer in layers:
        for weight in layer.weights:
            values = np.asarray(weight)
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                bad.append(layer.name)
                break
    if bad:
        raise ModelError(f"{source} has weights that are not finite in {', '.join(bad)}", "train the model again")


def _sha256_of_object(model: Any) -> str:
    try:
        description = model.to_json()
    except (NotImplementedError, TypeError, ValueError):  # a subclassed model that does not say how it is made
        description = f"{type(model).__name__} {[layer.name for layer in _all_layers(model)]}"
    digest = hashlib.sha256(description.encode())
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def _variables(model: Any, is_keras3: bool) -> Any:
    """What TensorFlow must know of to freeze the weights: Keras 3 wraps its variables."""
    tracked = tensorflow().Module()
    tracked.weights = [v.value for v in model.variables] if is_keras3 else list(model.variables)
    return tracked


@contextlib.contextmanager
def _for_tracing(model: Any, is_keras3: bool, fused: bool) -> Iterator[None]:
    with without_loops(model, fused), _layer_scopes(model) if is_keras3 else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def _layer_scopes(model: Any) -> Iterator[None]:
    """Name the traced operations ``model/layer/...``.

    Keras 3 opens every layer's name scope twice, so TensorFlow numbers it and "dense" appears as "dense_1",
    which is another layer's name. A scope with a slash at its end is taken as it is. Layers of ``toolchain.keras`` show
    their weights as constants: the converter does not work out every formula.
    """
    layers = [layer for layer in _all_layers(model) if not getattr(layer, "layers", None)]
    for layer in layers:
        layer.call = partial(_call_in_scope, f"{model.name}/{layer.name}/", layer.call)
    try:
        with contextlib.ExitStack() as stack:
            for layer in layers:
                if _is_coded(layer):
                    stack.enter_context(layer.as_constants())
            yield
    finally:
        for layer in layers:
            del layer.call


def _call_in_scope(scope: str, call: Any, *args: Any, **kwargs: Any) -> Any:
    with tensorflow().name_scope(scope):
        return call(*args, **kwargs)


def _from_saved_model(folder: Path) -> FloatModel:
    """Keras and plain SavedModels alike, by their signature: that needs no Keras of the version that wrote them."""
    check_saved_model(folder)
    tf = tensorflow()
    try:
        with captured():
            loaded = tf.saved_model.load(os.fspath(folder))
    # The loader raises errors of protobuf, of TensorFlow and of its own for damaged files.
    except Exception as error:
        raise ModelError(f"{folder} is damaged: {first_line(error)}", "save or copy the model again") from error
    signature = _signature(loaded, folder)
    specs = signature.structured_input_signature[1]
    keys = _signature_order(signature, specs)
    results = signature.structured_outputs
    inputs = tuple(_port(key, _dims(specs[key].shape, folder), specs[key].dtype, os.fspath(folder)) for key in keys)
    outputs = tuple(_port(k, _dims(s.shape, folder), s.dtype, os.fspath(folder)) for k, s in results.items())

    def function(tensors: list[Any]) -> list[Any]:
        answer = signature(**dict(zip(keys, tensors, strict=True)))
        return [answer[key] for key in results]

    tracked = tf.Module()
    tracked.loaded = loaded
    return FloatModel(
        name=folder.resolve().name,
        source=os.fspath(folder),
        sha256=sha256_of(folder),
        inputs=inputs,
        outputs=outputs,
        layers=_graph_layers(signature),
        function=function,
        variables=tracked,
        any_batch=all(specs[key].shape[0] is None for key in keys),
    )


def _signature(loaded: Any, folder: Path) -> Any:
    signatures = getattr(loaded, "signatures", {})
    if "serving_default" in signatures:
        return signatures["serving_default"]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    found = ", ".join(sorted(signatures)) or "none"
    raise ModelError(f"{folder} has no signature serving_default (found: {found})", "save it with model.export(...)")


def _signature_order(signature: Any, specs: Any) -> list[str]:
    """The inputs in the order of the graph: the signature itself is a dictionary, sorted by name."""
    captures = {id(tensor) for tensor in signature.captured_inputs}
    placed = [tensor.op.name for tensor in signature.inputs if id(tensor) not in captures]
    order = {name: position for position, name in enumerate(placed)}
    return sorted(specs, key=lambda key: order.get(specs[key].name or key, order.get(key, len(order))))


def _dims(shape: Any, folder: Path) -> list[int | None]:
    if shape.rank is None:
        raise ModelError(f"{folder} has an input or output of unknown rank", "save it with model.export(...)")
    return [None if size is None else int(size) for size in shape]


def _graph_layers(signature: Any) -> tuple[str, ...]:
    """Layer names from the operations' names, ``.../model/layer/op``, in the order of the graph."""
    names: dict[str, None] = {}
    library = signature.graph.as_graph_def().library
    for function in library.function:
        for node in function.node_def:
            parts = [p for p in node.name.split("/") if "PartitionedCall" not in p]
            if len(parts) >= 3 and "ReadVariableOp" not in parts:
                names[parts[1]] = None
    return tuple(names)
