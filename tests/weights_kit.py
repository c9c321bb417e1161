"""int8 models whose weights take fewer values, made by editing the ``.tflite`` file: what kernels of compressed weights
run. Plain methods, without any care for accuracy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from support.flatbuffer import edited

Array = npt.NDArray[np.int8]
_WEIGHTED = (
    schema.BuiltinOperator.CONV_2D,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D,
    schema.BuiltinOperator.FULLY_CONNECTED,
)


def clustered(values: int) -> Callable[[Array], Array]:
    """Each code becomes the nearest of so many centroids: k-means over the layer's codes, from their quantiles on."""

    def edit(codes: Array) -> Array:
        flat = codes.reshape(-1).astype(np.float64)
        centroids = np.unique(np.quantile(flat, (np.arange(values) + 0.5) / values))
        for _ in range(20):
            nearest = np.abs(flat[:, None] - centroids).argmin(axis=1)
            used = np.unique(nearest)
            centroids = np.array([flat[nearest == i].mean() for i in used])
        rounded = np.clip(np.round(centroids), -127, 127)
        found: Array = rounded[np.abs(flat[:, None] - rounded).argmin(axis=1)].astype(np.int8)
        return found.reshape(codes.shape)

    return edit


def four_bits(codes: Array) -> Array:
    """Codes of -7 to 7, a sixteenth of what they were; scales stay, so the model computes something else."""
    small: Array = np.clip(np.round(codes / 16.0), -7, 7).astype(np.int8)
    return small


def ternary(codes: Array) -> Array:
    """-1, 0 and 1 times the mean of those codes that do not become 0, as layers of the whole model can have."""
    size = np.abs(codes.astype(np.int64))
    kept = size > 0.7 * size.mean()
    found: Array = (np.sign(codes) * kept * round(float(size[kept].mean()))).astype(np.int8)
    return found


def pruned(codes: Array) -> Array:
    """The smaller half of each four codes in order becomes zero."""
    flat = codes.reshape(-1).copy()
    fours = flat[: len(flat) // 4 * 4].reshape(-1, 4)
    sums = np.abs(fours.astype(np.int64)).sum(axis=1)
    fours[sums <= np.median(sums)] = 0
    return flat.reshape(codes.shape)


def with_weights(model: bytes, edit: Callable[[Array], Array]) -> bytes:
    """The model with the int8 weights of all convolutions and fully connected layers changed."""

    def edit_all(root: Any) -> None:
        for operator in root.subgraphs[0].operators:
            code = root.operatorCodes[operator.opcodeIndex]
            if max(code.builtinCode, code.deprecatedBuiltinCode) in _WEIGHTED:  # old files have only the latter
                buffer = root.buffers[root.subgraphs[0].tensors[operator.inputs[1]].buffer]
                buffer.data = edit(np.asarray(buffer.data, np.uint8).view(np.int8)).view(np.uint8)

    return edited(model, edit_all)
