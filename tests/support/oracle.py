"""The oracle: TensorFlow Lite Micro's own kernels, from the ``tflite-micro`` package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from tflite_micro.python.tflite_micro import runtime

Array = npt.NDArray[Any]


def run_tflm(content: bytes, inputs: Sequence[Array], outputs: int = 1, arena_bytes: int = 1 << 20) -> list[Array]:
    """Outputs (samples, *shape) for inputs (samples, *shape). Raises what TFLM raises when it refuses the model."""
    interpreter = runtime.Interpreter.from_bytes(content, arena_size=arena_bytes)
    rows: list[list[Array]] = []
    for sample in range(len(inputs[0])):
        for i, x in enumerate(inputs):
            interpreter.set_input(np.ascontiguousarray(x[sample]), i)
        interpreter.invoke()
        rows.append([np.array(interpreter.get_output(i)) for i in range(outputs)])
    return [np.stack(column) for column in zip(*rows, strict=True)]
