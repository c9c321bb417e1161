"""A float model that can be evaluated and converted, wherever it came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.errors import DataError, ModelError
from toolchain.importers.tensorflow import captured, tensorflow

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Port:
    """An input or output. ``shape`` counts from the batch dimension, which is 1."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, eq=False)
class FloatModel:
    """``function`` maps a list of tensors to a list of tensors and works for any batch when ``any_batch``.

    ``sha256`` is of the file, or of all files of the folder; of configuration and weights for an object.
    ``layers`` are the layers' names in the order of the model. ``variables`` keeps the weights that
    ``function`` reads alive and known to the converter; ``tracing`` is open while ``function`` is traced, with
    operators fused that quantizers other than TensorFlow's do not know, or without. ``codes`` are
    the int8 codes that layers of ``toolchain.keras`` were trained to, in TFLite's layout, in the order of the model.
    ``keeps_state``: an inference goes on where the one before it ended; ``restart`` goes back to the first.
    """

    name: str
    source: str
    sha256: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    layers: tuple[str, ...]
    function: Callable[[list[Any]], list[Any]]
    variables: Any
    any_batch: bool = True
    tracing: Callable[[bool], AbstractContextManager[None]] = lambda fused: nullcontext()
    codes: tuple[Array, ...] = ()
    keeps_state: bool = False
    restart: Callable[[], None] = lambda: None

    def predict(self, x: Array | Sequence[Array], batch: int = 64) -> Array:
        """The first output for ``x`` (samples first; a sequence with one array for each of several inputs)."""
        return self.predict_all(x, batch)[0]

    def predict_all(self, x: Array | Sequence[Array], batch: int = 64) -> tuple[Array, ...]:
        """Every output for ``x``, computed ``batch`` samples at a time in inference mode."""
        tf = tensorflow()
        columns = matched_columns(x, self.inputs, self.name)
        step = batch if self.any_batch else 1
        with captured():
            run = tf.function(
                self.function, autograph=False, input_signature=[self._signature(None if step > 1 else 1)]
            )
            parts = []
            self.restart()
            for start in range(0, len(columns[0]), step):
                outputs = run([tf.constant(column[start : start + step]) for column in columns])
                parts.append([output.numpy() for output in outputs])
        return tuple(np.concatenate(values) for values in zip(*parts, strict=True))

    def concrete(self, fused: bool = False) -> Any:
        """A TensorFlow concrete function of batch 1: with all shapes known, none is worked out at run time."""
        tf = tensorflow()
        with captured(), self.tracing(fused):
            try:
                traced = tf.function(self._keyed, autograph=False)
                return traced.get_concrete_function(self._signature(1))
            except (ValueError, TypeError, tf.errors.OpError) as error:
                raise ModelError(
                    f"{self.source} cannot run with batch size 1: {first_line(error)}",
                    "build the model for any batch: only a layer that fixes its batch size fails here",
                ) from error

    def _keyed(self, tensors: list[Any]) -> Any:
        """Several outputs under keys whose order is their own: the converter sorts them, output_10 before output_2."""
        results = self.function(tensors)
        return {f"output_{i:04}": result for i, result in enumerate(results)} if len(results) > 1 else results

    def _signature(self, batch: int | None) -> list[Any]:
        tf = tensorflow()
        return [tf.TensorSpec((batch, *p.shape[1:]), p.dtype, name=p.name) for p in self.inputs]


def matched_columns(x: Array | Sequence[Array], inputs: Sequence[Port], name: str) -> list[Array]:
    """``x`` as one array for each input in the input's type; DataError when number, shape or length is wrong."""
    arrays = [x] if isinstance(x, np.ndarray) else list(x)
    if len(arrays) != len(inputs):
        raise DataError(f"{name} has {len(inputs)} inputs, the data has {len(arrays)}", "give one array for each input")
    for array, port in zip(arrays, inputs, strict=True):
        if array.shape[1:] != port.shape[1:]:
            raise DataError(
                f"input {port.name} of {name} takes samples of {port.shape[1:]}, found {array.shape[1:]}",
                "give the samples as the model takes them",
            )
        if len(array) != len(arrays[0]) or not len(array):
            raise DataError(
                f"the inputs of {name} have different numbers of samples, or none",
                "give every input the same number of samples",
            )
    return [np.ascontiguousarray(a, dtype=p.dtype) for a, p in zip(arrays, inputs, strict=True)]


def first_line(error: BaseException) -> str:
    """The first line of an exception's text that says something."""
    lines = (line.strip() for line in str(error).splitlines())
    return next((line for line in lines if line), type(error).__name__)
