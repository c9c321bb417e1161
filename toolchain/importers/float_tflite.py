"""A float ``.tflite``: evaluated by LiteRT, quantized by ``toolchain.quantize.tflite_float``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from toolchain.errors import ModelError
from toolchain.graph import Graph
from toolchain.importers.float_biases import with_biases
from toolchain.importers.float_constants import with_float_constants
from toolchain.importers.float_model import Port, first_line, matched_columns
from toolchain.importers.tensorflow import captured
from toolchain.importers.tflite import parse_tflite

Array = npt.NDArray[Any]


class UnknownToLiteRT(ModelError):
    """LiteRT lacks an operator of the model."""


@dataclass(frozen=True, eq=False)
class FloatTflite:
    """The same face as ``FloatModel`` over a flatbuffer. Ports have batch 1.

    All floats in ``content`` are float32; ``stored`` are the types that constants had in the file in their place.
    ``sha256`` is the file's.
    """

    name: str
    source: str
    sha256: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    content: bytes
    stored: tuple[str, ...] = ()

    def predict(self, x: Array | Sequence[Array]) -> Array:
        """The first output for ``x``, one sample at a time (samples first; one array for each of several inputs)."""
        columns = matched_columns(x, self.inputs, self.name)
        with captured():
            interpreter = _interpreter(self.content, self.source)
            wanted = [detail["index"] for detail in interpreter.get_input_details()]
            result = interpreter.get_output_details()[0]["index"]
            rows = []
            for index in range(len(columns[0])):
                for slot, column in zip(wanted, columns, strict=True):
                    interpreter.set_tensor(slot, column[index : index + 1])
                interpreter.invoke()
                rows.append(interpreter.get_tensor(result).copy())
        return np.concatenate(rows)


def is_float_tflite(content: bytes) -> bool:
    """Whether a whole TFLite file takes floats and no operator gives integers for them: a model before quantization.

    Its weights may be stored as integers.
    """
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    if graph is None or graph.OutputsLength() == 0:
        return False
    ends = [graph.Tensors(graph.Inputs(i)) for i in range(graph.InputsLength())]
    ends += [graph.Tensors(graph.Outputs(i)) for i in range(graph.OutputsLength())]
    made = [graph.Operators(i) for i in range(graph.OperatorsLength())]
    results = [graph.Tensors(op.Outputs(k)) for op in made for k in range(op.OutputsLength())]
    types = schema.TensorType
    return all(t.Type() == types.FLOAT32 for t in ends) and not any(
        t.Type() in (types.INT8, types.INT16) for t in results
    )


def load_float_tflite(path: Path, content: bytes) -> FloatTflite:
    """The float model in ``content``, which was read from ``path``, with all its constants as float32.

    ModelError when it is damaged or LiteRT refuses it.
    """
    digest = hashlib.sha256(content).hexdigest()
    graph = parse_tflite(content, path.stem, str(path))
    content, stored = with_float_constants(content, graph, str(path))
    content = with_biases(content)
    inputs, outputs = _details(content, graph, str(path))
    return FloatTflite(
        name=path.stem,
        source=str(path),
        sha256=digest,
        inputs=tuple(_port(detail, graph, str(path)) for detail in inputs),
        outputs=tuple(_port(detail, graph, str(path)) for detail in outputs),
        content=content,
        stored=stored,
    )


def _details(content: bytes, graph: Graph, source: str) -> list[list[Any]]:
    """LiteRT's details of inputs and outputs; those in the file where LiteRT lacks an operator that TFLM has."""
    try:
        with captured():
            interpreter = _interpreter(content, source)
            return [interpreter.get_input_details(), interpreter.get_output_details()]
    except ModelError as error:
        if not isinstance(error, UnknownToLiteRT):
            raise
    return [[_detail(graph, name) for name in names] for names in (graph.inputs, graph.outputs)]


def _detail(graph: Graph, name: str) -> dict[str, Any]:
    tensor = graph.tensor(name)
    return {"name": name, "shape": tensor.shape, "shape_signature": tensor.shape, "dtype": tensor.dtype}


def _interpreter(content: bytes, source: str) -> Any:
    try:
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise refused_by_litert(source, error) from error
    return interpreter


def refused_by_litert(source: str, error: Exception) -> ModelError:
    """The error for a float model that LiteRT, by which such models are evaluated and calibrated, does not take."""
    unknown = re.search(r"unresolved custom op: (\w+)", str(error))
    if unknown is None:
        return ModelError(f"LiteRT cannot run {source}: {first_line(error)}", "convert the model again")
    return UnknownToLiteRT(
        f"LiteRT, which evaluates and calibrates float models, has no {unknown[1]} ({source})",
        "--format float32 needs neither; or convert the part with this operator to integers",
    )


def _port(detail: Any, graph: Graph, source: str) -> Port:
    shape = tuple(int(size) for size in detail["shape"])
    signature = [int(size) for size in detail["shape_signature"]]
    for index, size in enumerate(signature[1:], start=1):
        if size < 0:
            raise ModelError(
                f"dimension {index} of {detail['name']} of {source} is dynamic: {tuple(signature)}",
                "a microcontroller needs fixed shapes: convert the model with fixed ones",
            )
    if shape[:1] != (1,):
        batch = f"has a batch of {shape[0]}" if shape else "is a single number"
        raise ModelError(
            f"{detail['name']} of {source} {batch}, wanted a batch of 1", "--batch 1, or convert the model so"
        )
    return Port(graph.port(str(detail["name"])), shape, np.dtype(detail["dtype"]).name)
