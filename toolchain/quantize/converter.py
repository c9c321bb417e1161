"""TFLiteConverter on a float model, in float or with full-integer quantization, and its reasons when it refuses.

The float function is traced with batch 1, so that no operator is left that works out shapes at run time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from toolchain.errors import ModelError
from toolchain.importers.float_model import FloatModel, first_line
from toolchain.importers.layer_names import layers_of
from toolchain.importers.tensorflow import captured, tensorflow
from toolchain.quantize.ends import in_order, with_fresh_states

_LOOPS = ("While", "StatelessWhile")
_REMEDY = "replace the layer with one that TFLite has as an int8 operator"
_SENTENCES = (
    re.compile(r"((?:TF Select|Custom|Flex) ops: [^\n]+)"),
    re.compile(r"(Some ops (?:are not supported by|in the model are custom ops).*?(?:Details:.*|$))", re.S),
    re.compile(r"error: ([^\n]+)"),
    re.compile(r"(Quantization not yet supported for op: [^\n]+)"),
)


def convert(model: FloatModel, configure: Callable[[Any], None] = lambda converter: None, fused: bool = False) -> bytes:
    """A ``.tflite`` of ``model`` with inputs and outputs in its order; float32 unless ``configure`` sets up more.

    The converter folds batch normalization and fuses activations; with ``fused`` an LSTM is one operator. Equal inputs
    give equal bytes. ModelError with the converter's own reason when it refuses.
    """
    tf = tensorflow()
    if model.keeps_state and not fused:
        raise ModelError(
            f"{model.source} is stateful, which only TFLiteConverter quantizes", "leave --quantizer and --format out"
        )
    function = model.concrete(fused)
    _check_loops(model, function)
    with captured() as output:
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model.variables)
        configure(converter)
        try:
            content = bytes(converter.convert())
        # ConverterError, RuntimeError from the calibrator, ValueError: all say why this model does not convert.
        except Exception as error:
            failure = error
        else:
            return in_order(content if model.keeps_state else with_fresh_states(content), model)
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
            "give recurrent layers as a Keras model, not as a SavedModel; replace other loops",
        )


def _reason(text: str) -> str:
    """The sentence that names the trouble in the converter's pages of output."""
    for pattern in _SENTENCES:
        match = pattern.search(text)
        if match:
            return " ".join(match.group(1).split())[:400]
    return first_line(ValueError(text))
