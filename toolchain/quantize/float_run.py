"""Runs a float ``.tflite`` sample by sample and lets every tensor be looked at, the inner ones too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from toolchain.errors import ModelError
from toolchain.graph import Array, Graph
from toolchain.importers.float_tflite import refused_by_litert
from toolchain.importers.tensorflow import captured

Fetch = Callable[[str], Array]


def run_samples(content: bytes, parsed: Graph, columns: Sequence[Array], where: str) -> Iterator[Fetch]:
    """For each sample a function from a tensor's name to its values, which are overwritten by the next sample.

    ``parsed`` is ``content`` as the importer reads it, before any pass; ``columns`` has one array (samples, ...) for
    each input. Constants are in ``parsed`` itself. Memory is that of one sample's tensors. ModelError when LiteRT
    refuses the model, or when values are NaN or infinite.
    """
    index = {name: i for i, name in enumerate(parsed.tensors)}
    with captured():
        try:
            interpreter = Interpreter(
                model_content=content,
                # Delegates keep their tensors to themselves.
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                experimental_preserve_all_tensors=True,
            )
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise refused_by_litert(where, error) from error
    for sample in range(len(columns[0])):
        for name, column in zip(parsed.inputs, columns, strict=True):
            interpreter.set_tensor(index[name], np.ascontiguousarray(column[sample : sample + 1]))
        interpreter.invoke()

        def fetch(name: str, sample: int = sample) -> Array:
            values: Array = interpreter.get_tensor(index[name])
            if not np.isfinite(values).all():
                raise ModelError(
                    f"{where}: the tensor {name} has values that are NaN or infinite for representative sample "
                    f"{sample}",
                    "look at this sample and at the weights: np.isfinite(x) shows which are not numbers",
                )
            return values

        yield fetch
