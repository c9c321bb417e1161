"""The oracle: TensorFlow Lite Micro's own kernels, from the ``tflite-micro`` package.

Where it has none, TensorFlow Lite's reference kernels, from ``ai-edge-litert``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime

Array = npt.NDArray[Any]


def run_tflm(
    content: bytes, inputs: Sequence[Array], outputs: int = 1, arena_bytes: int = 1 << 20, fresh: bool = False
) -> list[Array]:
    """Outputs (samples, *shape) for inputs (samples, *shape). Raises what TFLM raises when it refuses the model.

    ``fresh``: no inference knows of those before it.
    """
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=arena_bytes)
    rows: list[list[Array]] = []
    for sample in range(len(inputs[0])):
        if fresh:
            interpreter.reset()
        for i, x in enumerate(inputs):
            interpreter.set_input(np.array(x[sample], order="C"), i)
        interpreter.invoke()
        rows.append([np.array(interpreter.get_output(i)) for i in range(outputs)])
    return [np.stack(column) for column in zip(*rows, strict=True)]


def run_tflite(content: bytes, inputs: Sequence[Array], outputs: int = 1) -> list[Array]:
    """The same by TensorFlow Lite's reference kernels."""
    interpreter = Interpreter(
        model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
    )
    interpreter.allocate_tensors()
    places = [detail["index"] for detail in interpreter.get_input_details()]
    results = [detail["index"] for detail in interpreter.get_output_details()]
    assert len(results) == outputs
    rows: list[list[Array]] = []
    for sample in range(len(inputs[0])):
        for index, x in zip(places, inputs, strict=True):
            interpreter.set_tensor(index, np.array(x[sample], order="C"))
        interpreter.invoke()
        rows.append([np.array(interpreter.get_tensor(index)) for index in results])
    return [np.stack(column) for column in zip(*rows, strict=True)]
