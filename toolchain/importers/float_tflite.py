"""A float ``.tflite``: evaluated by LiteRT, quantized by ``toolchain.quantize.tflite_float``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from toolchain.errors import ModelError
from toolchain.importers.float_model import Port, first_line, matched_columns
from toolchain.importers.tensorflow import captured

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class FloatTflite:
    """The same face as ``FloatModel`` over a flatbuffer. Ports have batch 1."""

    name: str
    source: str
    sha256: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    content: bytes

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
    """Whether a whole TFLite file takes floats and has no quantized operator: a model before quantization."""
    model = schema.Model.GetRootAs(content, 0)
    graph = model.Subgraphs(0)
    if graph is None or graph.OutputsLength() == 0:
        return False
    ends = [graph.Tensors(graph.Inputs(i)) for i in range(graph.InputsLength())]
    ends += [graph.Tensors(graph.Outputs(i)) for i in range(graph.OutputsLength())]
    made = [graph.Operators(i) for i in range(graph.OperatorsLength())]
    results = [graph.Tensors(op.Outputs(k)) for op in made for k in range(op.OutputsLength())]
    is_float = schema.TensorType.FLOAT32
    return all(t.Type() == is_float for t in ends) and not any(t.Type() == schema.TensorType.INT8 for t in results)


def load_float_tflite(path: Path, content: bytes) -> FloatTflite:
    """The float model in ``content``, which was read from ``path`` and checked. ModelError when LiteRT refuses it."""
    with captured():
        interpreter = _interpreter(content, str(path))
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    return FloatTflite(
        name=path.stem,
        source=str(path),
        sha256=hashlib.sha256(content).hexdigest(),
        inputs=tuple(_port(detail, str(path)) for detail in inputs),
        outputs=tuple(_port(detail, str(path)) for detail in outputs),
        content=content,
    )


def _interpreter(content: bytes, source: str) -> Any:
    try:
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelError(f"LiteRT cannot run {source}: {first_line(error)}", "convert the model again") from error
    return interpreter


def _port(detail: Any, source: str) -> Port:
    shape = tuple(int(size) for size in detail["shape"])
    signature = [int(size) for size in detail["shape_signature"]]
    for index, size in enumerate(signature[1:], start=1):
        if size < 0:
            raise ModelError(
                f"dimension {index} of {detail['name']} of {source} is dynamic: {tuple(signature)}",
                "a microcontroller needs fixed shapes: convert the model with fixed ones",
            )
    if shape[:1] != (1,):
        raise ModelError(f"{detail['name']} of {source} has batch size {shape[:1]}", "convert the model with batch 1")
    return Port(str(detail["name"]), shape, np.dtype(detail["dtype"]).name)
