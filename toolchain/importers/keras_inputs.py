"""Keras models without fixed inputs get them: subclassed ones, Sequential ones that were not built, open dimensions.

The shapes are those that the model was built with, or what the user says (``--input-shape``). The model is called once
with symbolic inputs, and what comes out is a functional model around it.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolchain.errors import ModelError
from toolchain.importers.float_model import first_line
from toolchain.importers.reading import Reading
from toolchain.importers.tensorflow import captured, keras2, keras3, tensorflow


@dataclass(frozen=True)
class _Wanted:
    """An input to be made; ``shape`` is that of a sample."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str


def with_inputs(model: Any, source: str, reading: Reading, is_keras3: bool) -> Any:
    """``model``, or a functional model around it. ModelError when nobody knows the shapes, or it refuses them."""
    known = list(getattr(model, "inputs", None) or [])
    if known and getattr(model, "outputs", None) and not reading.shapes:
        return model
    if known:
        names = [str(tensor.name).partition(":")[0] for tensor in known]
        wanted = [
            _Wanted(n, tuple(t.shape[1:]), getattr(t.dtype, "name", None) or str(t.dtype))
            for n, t in zip(names, known, strict=True)
        ]
        arguments, keywords = [numbered_inputs(model)], dict[str, Any]()
    else:
        wanted, arguments, keywords = _call_of(model, source, reading)
    reading.check_names([want.name for want in wanted], source)
    keras = keras3() if is_keras3 else keras2()
    try:
        with captured():
            made = [
                keras.Input(reading.shape_for(k, want.name) or want.shape, name=want.name, dtype=want.dtype)
                for k, want in enumerate(wanted)
            ]
            place = tensorflow().nest.map_structure
            outputs = model(*place(made.__getitem__, arguments), **place(made.__getitem__, keywords))
            return keras.Model(made, outputs, name=model.name)
    # Keras raises whatever the layers' own code raises.
    except Exception as error:
        shapes = ", ".join(f"{w.name} {reading.shape_for(k, w.name) or w.shape}" for k, w in enumerate(wanted))
        raise ModelError(
            f"{source} cannot be called with inputs of the shapes {shapes}: {first_line(error)}",
            "give the shapes of a sample as the model takes them: --input-shape name=32x32x3",
        ) from error


def _call_of(model: Any, source: str, reading: Reading) -> tuple[list[_Wanted], list[Any], dict[str, Any]]:
    """What to make for a subclassed model, and the arguments of its call with numbers in the places of inputs."""
    parameters = [
        p
        for p in inspect.signature(model.call).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.name not in ("training", "mask")
    ]
    built = getattr(model, "_build_shapes_dict", None) or {}
    if built and len(built) >= sum(p.default is p.empty for p in parameters):  # Keras may have seen the first one only
        return _as_built(built)
    if not reading.shapes:
        raise ModelError(
            f"{source} has no fixed input shape",
            "say it: --input-shape 32x32x3 of a sample; or add keras.Input(shape=...) or call model.build(...)",
        )
    count = len(reading.shapes)
    assumed = [*(p.name for p in parameters), *(f"input_{k}" for k in range(len(parameters), count))]
    names = [name or assumed[k] for k, (name, _) in enumerate(reading.shapes)]
    wanted = [_Wanted(name, sizes, "float32") for name, (_, sizes) in zip(names, reading.shapes, strict=True)]
    if count == 1:
        return wanted, [0], {}
    if {*names} <= {p.name for p in parameters}:
        return wanted, [], {name: k for k, name in enumerate(names)}
    named = all(name for name, _ in reading.shapes)
    return wanted, [{name: k for k, name in enumerate(names)} if named else list(range(count))], {}


def numbered_inputs(model: Any) -> Any:
    """The lists and dictionaries that a functional model takes, with the numbers of ``model.inputs`` in them."""
    symbolic = model.input if len(model.inputs) > 1 or isinstance(getattr(model, "input", None), dict) else 0
    return tensorflow().nest.pack_sequence_as(_plain_structure(symbolic), list(range(len(model.inputs))))


def _plain_structure(symbolic: Any) -> Any:
    if isinstance(symbolic, dict):
        return {key: _plain_structure(value) for key, value in symbolic.items()}
    if isinstance(symbolic, (list, tuple)):
        return [_plain_structure(value) for value in symbolic]
    return 0


def _as_built(built: Mapping[str, Any]) -> tuple[list[_Wanted], list[Any], dict[str, Any]]:
    """Keras 3 remembers the shapes that a model was built with: of one argument, or of several by their names."""
    wanted: list[_Wanted] = []

    def numbered(shapes: Any, name: str) -> Any:
        if isinstance(shapes, Mapping):
            return {key: numbered(value, key) for key, value in shapes.items()}
        if _is_shape(shapes):
            wanted.append(_Wanted(name, tuple(shapes[1:]), "float32"))
            return len(wanted) - 1
        return [numbered(value, f"{name}_{k}") for k, value in enumerate(shapes)]

    placed = {key: numbered(value, _plain(key)) for key, value in built.items()}
    if len(placed) == 1:
        return wanted, list(placed.values()), {}
    return wanted, [], {_plain(key): value for key, value in placed.items()}


def _plain(key: str) -> str:
    return key.removesuffix("_shape")


def _is_shape(value: Any) -> bool:
    return isinstance(value, Sequence) and all(size is None or isinstance(size, int) for size in value)
