"""Post-training full-integer quantization by TensorFlow's TFLiteConverter.

int8 in, int8 out, int8 activations, int8 weights (per channel for convolutions), int32 biases; ranges from the
representative samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.importers.float_model import FloatModel, matched_columns
from toolchain.importers.tensorflow import tensorflow
from toolchain.progress import Progress
from toolchain.quantize.converter import convert

Array = npt.NDArray[Any]


def quantize(model: FloatModel, representative: Array | Sequence[Array], progress: Progress | None = None) -> bytes:
    """A full-integer ``.tflite`` of ``model``.

    ``representative`` holds real inputs as the model takes them, samples first (one array for each of several
    inputs). Equal inputs give equal bytes. ModelError with the converter's own reason when it refuses.
    """
    tf = tensorflow()
    columns = matched_columns(representative, model.inputs, model.name)
    with (progress or Progress()).step("Quantizing", len(columns[0])) as advance:

        def configure(converter: Any) -> None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
            converter.representative_dataset = lambda: _samples(model, columns, advance)

        return convert(model, configure, fused=True)


def _samples(model: FloatModel, columns: list[Array], advance: Callable[[int], None]) -> Iterator[Any]:
    """One sample at a time, by input name: the converter may have sorted the inputs."""
    for index in range(len(columns[0])):
        rows = [np.ascontiguousarray(column[index : index + 1]) for column in columns]
        yield {port.name: row for port, row in zip(model.inputs, rows, strict=True)}
        advance(1)
