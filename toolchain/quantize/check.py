"""What is checked around quantization: the samples that set the ranges, and the graph that came out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from toolchain.errors import DataError, ModelError
from toolchain.graph import Graph, Node, Tensor
from toolchain.importers.float_model import Port
from toolchain.progress import Progress

Array = npt.NDArray[Any]

_CONVERSIONS = ("quantize", "dequantize", "quantize_s16", "dequantize_s16")
ENOUGH_SAMPLES = 32
_REAL_SAMPLES = "give about 100 real inputs, preprocessed as for training"


def check_representative(
    samples: Array | Sequence[Array], inputs: Sequence[Port], progress: Progress | None = None
) -> None:
    """DataError when ``samples`` cannot set the ranges of a model with these ``inputs``; a note when they are few.

    Wrong shape, other than numbers, NaN or infinity, one value only, or fewer than two samples are errors;
    fewer than 32 samples are a warning.
    """
    columns = [samples] if isinstance(samples, np.ndarray) else list(samples)
    if len(columns) != len(inputs):
        raise DataError(
            f"the model has {len(inputs)} inputs, the representative data has {len(columns)}", _REAL_SAMPLES
        )
    for column, port in zip(columns, inputs, strict=True):
        _check_column(np.asarray(column), port)
    count = min(len(column) for column in columns)
    if count < 2:
        raise DataError("the representative data has one sample, which sets no ranges", _REAL_SAMPLES)
    if count < ENOUGH_SAMPLES and progress is not None:
        progress.note(
            f"only {count} representative samples: the ranges of the activations may be too narrow and cost accuracy; "
            f"{_REAL_SAMPLES} (at least {ENOUGH_SAMPLES})"
        )


def _check_column(column: Array, port: Port) -> None:
    where = f"the representative data for {port.name}"
    if column.dtype.kind not in "biuf":
        raise DataError(f"{where} is of type {column.dtype}, wanted numbers ({port.dtype})", _REAL_SAMPLES)
    if column.shape[1:] != port.shape[1:] or not column.ndim:
        raise DataError(f"{where} has samples of shape {column.shape[1:]}, wanted {port.shape[1:]}", _REAL_SAMPLES)
    if not len(column):
        raise DataError(f"{where} is empty", _REAL_SAMPLES)
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        raise DataError(
            f"{where} holds {int((~np.isfinite(column)).sum())} values that are NaN or infinite", _REAL_SAMPLES
        )
    if column.min() == column.max() and column.size > 1:
        raise DataError(f"{where} is constant (every value is {column.flat[0]})", _REAL_SAMPLES)
    if len(column) > 1 and column[0].size > 1 and (column == column[:1]).all():
        raise DataError(f"{where} repeats one sample {len(column)} times", _REAL_SAMPLES)


def broken_parameters(graph: Graph) -> dict[str, list[str]]:
    """The tensors with scales and zero points that nothing can be computed with, and what is wrong with them."""
    found = {t.name: _parameter_problems(graph, t) for t in graph.tensors.values()}
    return {name: problems for name, problems in found.items() if problems}


def _parameter_problems(graph: Graph, tensor: Tensor) -> list[str]:
    if tensor.dtype == "int8" and tensor.quant is None and not _needs_no_scale(graph, tensor):
        return [f"{_place(graph, tensor)} is int8 without a scale"]
    if tensor.dtype not in ("int8", "int16", "int32", "int64") or tensor.quant is None:
        return []
    problems = _quant_problems(graph, tensor, _place(graph, tensor))
    if tensor.dtype == "int8" and tensor.quant.per_channel and tensor.data is None:
        problems.append(f"{_place(graph, tensor)} has {len(tensor.quant.scale)} scales and is not a constant")
    return problems


def check_quantized(graph: Graph) -> None:
    """ModelError listing everything in ``graph`` that is not int8 or int16 with finite, positive scales, but for plain
    whole numbers and for islands of float32, which begin and end with conversions."""
    problems = [problem for tensor in graph.tensors.values() for problem in _tensor_problems(graph, tensor)]
    if problems:
        shown = "\n".join(f"  {problem}" for problem in problems)
        raise ModelError(
            f"{graph.name} is not fully quantized to int8:\n{shown}",
            "convert with TFLITE_BUILTINS_INT8, int8 input and output, and a representative dataset",
        )


def float_islands(graph: Graph) -> list[str]:
    """The layers that compute in float32 between conversions, in their order."""
    found = [node for node in graph.nodes if node.op not in _CONVERSIONS and _is_float(graph, node)]
    return list(dict.fromkeys((*node.layers, node.name)[0] for node in found))


def _is_float(graph: Graph, node: Node) -> bool:
    types = {graph.tensor(name).dtype for name in (*node.inputs, *node.outputs) if name}
    return "float32" in types and types <= {"float32", "int32", "bool"}


def _is_in_an_island(graph: Graph, tensor: Tensor) -> bool:
    nodes = [node for node in graph.nodes if tensor.name in (*node.inputs, *node.outputs)]
    return tensor.dtype == "float32" and all(node.op in _CONVERSIONS or _is_float(graph, node) for node in nodes)


def _tensor_problems(graph: Graph, tensor: Tensor) -> list[str]:
    where = _place(graph, tensor)
    if tensor.dtype in ("int32", "bool") and tensor.quant is None:
        return []  # a position, an index or an answer: plain numbers
    if tensor.name in (*graph.inputs, *graph.outputs) and tensor.dtype not in ("int8", "int16"):
        return [f"{where} is {tensor.dtype}, wanted int8"]
    if _is_in_an_island(graph, tensor):
        return []
    if tensor.dtype not in ("int8", "int16", "int32", "int64"):
        return [f"{where} is {tensor.dtype}"]
    if tensor.quant is None:
        # int32 without a scale is a shape, an axis or an index: plain numbers
        return [f"{where} is {tensor.dtype} without a scale"] if tensor.dtype in ("int8", "int16") else []
    return _quant_problems(graph, tensor, where)


def _quant_problems(graph: Graph, tensor: Tensor, where: str) -> list[str]:
    quant = tensor.quant
    assert quant is not None
    problems = []
    bad = [scale for scale in quant.scale if not (math.isfinite(scale) and scale > 0)]
    if bad or not quant.scale:
        problems.append(f"{where} has {len(bad)} scales that are not finite and positive ({bad[:1] or 'none at all'})")
    if len(quant.zero_point) != len(quant.scale):
        problems.append(f"{where} has {len(quant.scale)} scales and {len(quant.zero_point)} zero points")
    if quant.per_channel and (quant.axis >= len(tensor.shape) or tensor.shape[quant.axis] != len(quant.scale)):
        problems.append(f"{where} has {len(quant.scale)} scales for dimension {quant.axis} of {tensor.shape}")
    if tensor.dtype == "int8" and any(not -128 <= zero <= 127 for zero in quant.zero_point):
        problems.append(f"{where} has a zero point outside -128..127")
    if tensor.dtype == "int16" and any(quant.zero_point) and not _are_probabilities(graph, tensor):
        problems.append(f"{where} is int16 and has a zero point other than 0")
    return problems


def _needs_no_scale(graph: Graph, tensor: Tensor) -> bool:
    """Whether it is what an operator keeps for itself, or plain numbers that nothing but casts makes and takes."""
    nodes = [node for node in graph.nodes if tensor.name in (*node.inputs, *node.outputs)]
    return tensor.initial is not None or all(node.op == "cast" for node in nodes)


def _are_probabilities(graph: Graph, tensor: Tensor) -> bool:
    """Whether it is what a softmax makes of int8, of which the zero point is -32768, and nothing computes with it."""
    maker = graph.producer(tensor.name)
    readers = graph.consumers(tensor.name)
    return maker is not None and maker.op in ("softmax", "softmax_s16") and all(n.op in _CONVERSIONS for n in readers)


def _place(graph: Graph, tensor: Tensor) -> str:
    """The tensor by name, with the operator that makes or else reads it."""
    if tensor.name in graph.inputs:
        return f"the input {tensor.name}"
    producer = graph.producer(tensor.name)
    if producer is not None:
        return f"the output {tensor.name} of {producer.op} ({producer.name})"
    readers = graph.consumers(tensor.name)
    return f"{tensor.name} of {readers[0].op} ({readers[0].name})" if readers else tensor.name
