"""Post-training full-integer quantization by TensorFlow's TFLiteConverter.

int8 in, int8 out, int8 activations, int8 weights (per channel for convolutions), int32 biases; ranges from the
representative samples. The float function is traced with batch 1, so that no operator is left that works out
shapes at run time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.errors import ModelError
from toolchain.importers.float_model import FloatModel, first_line, matched_columns
from toolchain.importers.layer_names import layers_of
from toolchain.importers.tensorflow import captured, tensorflow
from toolchain.progress import Progress
from toolchain.quantize.ends import in_order

Array = npt.NDArray[Any]

_LOOPS = ("While", "StatelessWhile")
_REMEDY = "replace the layer with one that TFLite has as an int8 operator"
_SENTENCES = (
    re.compile(r"(Some ops (?:are not supported by|in the model are custom ops).*?(?:Details:.*|$))", re.S),
    re.compile(r"((?:TF Select|Custom|Flex) ops: [^\n]+)"),
    re.compile(r"error: ([^\n]+)"),
    re.compile(r"(Quantization not yet supported for op: [^\n]+)"),
)


def quantize(model: FloatModel, representative: Array | Sequence[Array], progress: Progress | None = None) -> bytes:
    """A full-integer ``.tflite`` of ``model``.

    ``representative`` holds real inputs as the model takes them, samples first (one array for each of several
    inputs). Equal inputs give equal bytes. ModelError with the converter's own reason when it refuses.
    """
    tf = tensorflow()
    columns = matched_columns(representative, model.inputs, model.name)
    count = len(columns[0])
    with (progress or Progress()).step("Quantizing", count) as advance:
        function = model.concrete()
        _check_loops(model, function)
        with captured() as output:
            converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model.variables)
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8
            converter.representative_dataset = lambda: _samples(model, columns, advance)
            try:
                content = bytes(converter.convert())
            # ConverterError, RuntimeError from the calibrator, ValueError: all say why this model does not convert.
            except Exception as error:
                failure = error
            else:
                return in_order(content, model)
        reason = _reason(f"{failure}\n{output.text}")
        raise ModelError(f"{model.source} cannot be quantized: {reason}", _REMEDY) from failure


def _check_loops(model: FloatModel, function: Any) -> None:
    """ModelError naming the layers that loop. The converter keeps such loops, and its calibrator can crash on them."""
    definition = function.graph.as_graph_def()
    nodes = [*definition.node, *(node for body in definition.library.function for node in body.node_def)]
    layers = {name for node in nodes if node.op in _LOOPS for name in layers_of(node.name) or (node.name,)}
    if layers:
        raise ModelError(
            f"{model.source}: control flow is not supported, and there are loops in: {', '.join(sorted(layers))}",
            "replace them: convolutions over time do the work of most recurrent layers",
        )


def _samples(model: FloatModel, columns: list[Array], advance: Callable[[int], None]) -> Iterator[Any]:
    """One sample at a time, by input name: the converter may have sorted the inputs."""
    for index in range(len(columns[0])):
        rows = [np.ascontiguousarray(column[index : index + 1]) for column in columns]
        yield {port.name: row for port, row in zip(model.inputs, rows, strict=True)}
        advance(1)


def _reason(text: str) -> str:
    """The sentence that names the trouble in the converter's pages of output."""
    for pattern in _SENTENCES:
        match = pattern.search(text)
        if match:
            return " ".join(match.group(1).split())[:400]
    return first_line(ValueError(text))
