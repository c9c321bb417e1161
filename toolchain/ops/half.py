"""Weights that are float32 numbers and fit 16 bits: float16 and bfloat16.

A kernel stores them in 16 bits, which loses nothing, and makes float32 of them where it multiplies. Infinities and NaNs
are no weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from toolchain.graph import Array, Graph, Node
from toolchain.ops.base import Const
from toolchain.ops.common import constant


def _float16(weights: Array) -> Array:
    with np.errstate(over="ignore"):
        return weights.astype(np.float16).view(np.uint16)


def _bfloat16(weights: Array) -> Array:
    bits: Array = (np.ascontiguousarray(weights).view(np.uint32) >> 16).astype(np.uint16)
    return bits


def _from_float16(bits: Array) -> Array:
    return bits.view(np.float16).astype(np.float32)


def _from_bfloat16(bits: Array) -> Array:
    return (bits.astype(np.uint32) << 16).view(np.float32)


@dataclass(frozen=True)
class Half:
    """A format of 16 bits. ``suffix`` ends the names of its kernels; ``bits`` truncates and ``value`` is exact."""

    name: str
    suffix: str
    bits: Callable[[Array], Array]
    value: Callable[[Array], Array]

    def supports(self, graph: Graph, node: Node) -> bool:
        """Whether every weight of the node is a number of this format."""
        weights = constant(graph, node.inputs[1])
        if not np.isfinite(weights).all():
            return False
        same = self.value(self.bits(weights)).tobytes() == np.ascontiguousarray(weights).tobytes()
        return same

    def const(self, lanes: Array) -> Const:
        """Weights in words of two, the first in the lower half."""
        bits = self.bits(lanes).astype(np.uint32).reshape(*lanes.shape[:-1], -1, 2)
        return Const("weights", "uint32_t", bits[..., 0] | bits[..., 1] << 16)


FLOAT16 = Half("float16", "_f16", _float16, _from_float16)
BFLOAT16 = Half("bfloat16", "_bf16", _bfloat16, _from_bfloat16)
HALVES = (FLOAT16, BFLOAT16)
