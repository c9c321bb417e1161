"""Recurrent Keras layers as operators that run on the device, while a model is traced for the converter.

Left alone each becomes a loop over a second subgraph, which the converter's calibrator cannot quantize. An LSTM as
Keras makes it by default becomes TFLite's fused operator: the converter knows it by the attribute ``api_implements`` of
a function with the arguments and results of Keras 2's ``standard_lstm``, whose body it does not look at. All others
are unrolled, step by step.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

from toolchain.errors import ModelError
from toolchain.importers.tensorflow import tensorflow


def recurrent_layers(model: Any) -> list[Any]:
    """All of them, those within wrappers such as Bidirectional too."""
    layers = model._flatten_layers(include_self=False)  # the only walk that both versions of Keras have
    return [layer for layer in layers if any(c.__name__ == "RNN" for c in type(layer).__mro__)]


def keeps_state(model: Any, source: str) -> bool:
    """Whether the model's layers go on where the inference before ended.

    ModelError when only some do, or when one does that is no plain LSTM.
    """
    layers = recurrent_layers(model)
    stateful = [layer for layer in layers if layer.stateful]
    if not stateful:
        return False
    bad = [layer.name for layer in layers if not _is_plain_lstm(layer) or not layer.stateful]
    if bad:
        raise ModelError(
            f"{source}: {stateful[0].name} is stateful; then all recurrent layers must be, and plain LSTMs, which "
            f"{', '.join(bad)} is not",
            "use LSTM(stateful=True) throughout, or make the states inputs and outputs of the model",
        )
    return True


def restart(model: Any) -> None:
    """Stateful layers forget what was before."""
    for layer in recurrent_layers(model):
        if layer.stateful:
            getattr(layer, "reset_state", layer.reset_states)()


@contextlib.contextmanager
def without_loops(model: Any, fused: bool) -> Iterator[None]:
    """With ``fused`` plain LSTMs are called as fused operators; all other recurrent layers unroll their loops."""
    with contextlib.ExitStack() as stack:
        for layer in recurrent_layers(model):
            for name, value in (("unroll", True), ("_could_use_gpu_kernel", False)):
                if hasattr(layer, name):
                    stack.callback(setattr, layer, name, getattr(layer, name))
                    setattr(layer, name, value)
            if fused and _is_plain_lstm(layer):
                stack.callback(layer.__dict__.pop, "call", None)
                layer.call = partial(_call_lstm, layer, layer.call)
        yield


def _is_plain_lstm(layer: Any) -> bool:
    if type(layer).__name__ != "LSTM" or type(layer).__module__.split(".")[0] not in ("keras", "tf_keras"):
        return False
    functions = getattr(layer.activation, "__name__", ""), getattr(layer.recurrent_activation, "__name__", "")
    return functions == ("tanh", "sigmoid") and not layer.return_state and not getattr(layer, "time_major", False)


def _call_lstm(layer: Any, original: Any, sequences: Any, *args: Any, **kwargs: Any) -> Any:
    """As the fused operator, unless there is a mask or a state to begin with."""
    names = ("initial_state", "mask") if type(layer).__module__.startswith("keras.") else ("mask", "training")
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    if given.get("mask") is not None or given.get("initial_state") is not None:
        return original(sequences, *args, **kwargs)
    tf = tensorflow()
    x = tf.reverse(sequences, [1]) if layer.go_backwards else sequences
    cell, units = layer.cell, layer.units
    bias = tf.convert_to_tensor(cell.bias) if cell.use_bias else tf.zeros([4 * units], x.dtype)
    start = tf.zeros([x.shape[0], units], x.dtype)
    marks = {"api_implements": f"lstm_{layer.name}", "api_preferred_device": "CPU"}
    function = tf.function(
        partial(_standard_lstm, tf),
        autograph=False,
        experimental_attributes={**marks, "time_major": False, "go_backwards": False},
    )
    weights = tf.convert_to_tensor(cell.kernel), tf.convert_to_tensor(cell.recurrent_kernel)
    _, outputs, *_ = function(x, start, start, *weights, bias)
    return outputs if layer.return_sequences else outputs[:, -1]


def _standard_lstm(
    tf: Any, inputs: Any, init_h: Any, init_c: Any, kernel: Any, recurrent_kernel: Any, bias: Any
) -> tuple[Any, ...]:
    """(last output, all outputs, hidden state, cell state, a number)."""
    h, c, outputs = init_h, init_c, []
    for step in range(inputs.shape[1]):
        gates = tf.split(inputs[:, step] @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
        c = tf.sigmoid(gates[1]) * c + tf.sigmoid(gates[0]) * tf.tanh(gates[2])
        h = tf.sigmoid(gates[3]) * tf.tanh(c)
        outputs.append(h)
    return h, tf.stack(outputs, axis=1), h, c, tf.constant(1.0)
