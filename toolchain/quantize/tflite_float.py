"""Full-integer quantization of a float ``.tflite`` by ai-edge-quantizer, an optional package."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from toolchain.errors import ModelError, ToolError
from toolchain.exporters.tflite import pack
from toolchain.importers.float_model import Port, first_line, matched_columns
from toolchain.importers.float_tflite import FloatTflite, UnknownToLiteRT, refused_by_litert
from toolchain.importers.tensorflow import captured
from toolchain.progress import Progress

Array = npt.NDArray[Any]

_SIGNATURE = "serving_default"
_HINT = "add --quantizer mcuforge, which needs none, or pip install ai-edge-quantizer"


def quantize_tflite(
    model: FloatTflite, representative: Array | Sequence[Array], progress: Progress | None = None
) -> bytes:
    """A full-integer ``.tflite`` (int8 in and out, static ranges from ``representative``).

    ToolError when ai-edge-quantizer is missing; ModelError with its reason when it refuses the model.
    """
    quantizer, recipe = _package(model)
    columns = matched_columns(representative, model.inputs, model.name)
    prepared, key, names = _with_signature(model.content)
    with (progress or Progress()).step("Quantizing", len(columns[0])) as advance, captured(python_too=True):
        try:
            maker = quantizer.Quantizer(prepared, recipe.static_wi8_ai8())
            ranges = maker.calibrate({key: list(_samples(columns, names, model.inputs))})
            content = bytes(maker.quantize(ranges).quantized_model)
        # The package raises RuntimeError, ValueError, KeyError or NotImplementedError for models it cannot take.
        except Exception as error:
            if isinstance(refusal := refused_by_litert(model.source, error), UnknownToLiteRT):
                raise refusal from error
            raise ModelError(
                f"ai-edge-quantizer cannot quantize {model.source}: {first_line(error)}",
                "start from the Keras model, or convert it with full-integer quantization",
            ) from error
        advance(len(columns[0]))
    return content


def _package(model: FloatTflite) -> tuple[Any, Any]:
    try:
        with captured():
            return (
                importlib.import_module("ai_edge_quantizer.quantizer"),
                importlib.import_module("ai_edge_quantizer.recipe"),
            )
    except ModuleNotFoundError as error:
        raise ToolError(
            f"{model.source} is a float model, and quantizing one needs ai-edge-quantizer", _HINT
        ) from error


def _samples(columns: list[Array], names: list[str], inputs: Sequence[Port]) -> Iterator[dict[str, Array]]:
    for index in range(len(columns[0])):
        rows = [np.ascontiguousarray(column[index : index + 1]) for column in columns]
        yield {name: row.reshape(port.shape) for name, row, port in zip(names, rows, inputs, strict=True)}


def _with_signature(content: bytes) -> tuple[bytes, str, list[str]]:
    """The model with what ai-edge-quantizer relies on and files of older converters lack.

    That is a signature, by whose input names samples are fed, and operator codes in the field that replaced the
    first one (``deprecated_builtin_code`` in TFLite's schema). Returns the names in the order of the inputs.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    for code in model.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    for signature in model.signatureDefs or []:
        if signature.subgraphIndex == 0:
            names = {entry.tensorIndex: _text(entry.name) for entry in signature.inputs}
            return pack(model), _text(signature.signatureKey), [names[int(index)] for index in graph.inputs]
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = _SIGNATURE, 0
    made.inputs = [_entry(f"input_{i}", index) for i, index in enumerate(graph.inputs)]
    made.outputs = [_entry(f"output_{i}", index) for i, index in enumerate(graph.outputs)]
    model.signatureDefs = [made]
    return pack(model), _SIGNATURE, [entry.name for entry in made.inputs]


def _entry(name: str, index: Any) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, int(index)
    return entry


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
