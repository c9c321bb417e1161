"""Weights whose codes were trained: the quantizer takes them as they are.

A layer of ``toolchain.keras`` says which codes its weights are. The converter may have folded batch normalization into
them since, which multiplies each channel by a factor, perhaps a negative one; the codes are found again by dividing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from toolchain.graph import Array, Graph, QuantParams
from toolchain.ops.common import constant
from toolchain.quantize import grid
from toolchain.quantize.formats import codebook_bits
from toolchain.quantize.int8_graph import Weights
from toolchain.quantize.recipe import layer_name, layers_with_weights
from toolchain.quantize.ties import rule_of

_CLOSE = 1e-5  # of the channel's largest weight: folding rounds float32 a few times
_SMALLEST = float(np.finfo(np.float32).tiny)


def trained_weights(graph: Graph, trained: Sequence[Array], formats: Mapping[str, str]) -> dict[str, Weights]:
    """The weights of those nodes of the float ``graph`` that ``trained`` explains, by node name.

    ``trained`` are int8 codes in TFLite's layout of weights, in the order of the model's layers. Left out are layers
    whose codes the recipe's format does not have, and those that no longer are their codes times a scale.
    """
    left = list(trained)
    found: dict[str, Weights] = {}
    for node in layers_with_weights(graph):
        weights = constant(graph, node.inputs[1])
        for position, codes in enumerate(left):
            coded = _explained(weights, codes, rule_of(node).weights_axis)
            if coded is None:
                continue
            del left[position]
            if fits(coded.codes, formats[layer_name(node)]):
                found[node.name] = coded
            break
    return found


def with_room_for_bias(
    graph: Graph, trained: Mapping[str, Weights], input_scales: Mapping[str, float]
) -> dict[str, Weights]:
    """Those of ``trained`` whose scales, which must not change, leave the biases their room (``grid.py``)."""
    kept = {}
    for node in layers_with_weights(graph):
        weights = trained.get(node.name)
        has_bias = len(node.inputs) > 2 and node.inputs[2]
        bias = constant(graph, node.inputs[2]) if has_bias else np.zeros(1)
        if weights and grid.with_room_for_bias(weights.grid, bias, input_scales[node.name]) == weights.grid:
            kept[node.name] = weights
    return kept


def _explained(weights: Array, codes: Array, axis: int | None) -> Weights | None:
    """``weights`` as codes times one positive scale for each channel; None when ``codes`` are not theirs."""
    if weights.shape != codes.shape or axis is None:
        return None
    w = np.moveaxis(weights, axis, 0).reshape(weights.shape[axis], -1).astype(np.float64)
    q = np.moveaxis(codes, axis, 0).reshape(len(w), -1).astype(np.float64)
    squares = (q * q).sum(axis=1)
    factors = (w * q).sum(axis=1) / np.maximum(squares, 1.0)
    lost = (squares > 0) & (np.abs(factors) < _SMALLEST)
    if lost.any() or (np.abs(w - factors[:, None] * q).max(axis=1) > _CLOSE * np.abs(w).max(axis=1)).any():
        return None
    shape = [1] * weights.ndim
    shape[axis] = len(factors)
    signs = np.where(factors < 0, -1, 1).astype(np.int8).reshape(shape)
    scales = np.abs(factors).astype(np.float32)
    scales[squares == 0] = 1.0
    return Weights(codes * signs, QuantParams(tuple(map(float, scales)), (0,) * len(scales), axis))


def fits(codes: Array, weight_format: str) -> bool:
    """Whether int8 ``codes`` are codes of a format: of int8 all are."""
    values = np.unique(codes)
    bits = codebook_bits(weight_format)
    if bits:
        return len(values) <= 1 << bits
    if weight_format == "binary":
        return bool((np.abs(values) == 1).all())
    return bool(np.abs(values).max() <= {"int4": 7, "ternary": 1}.get(weight_format, grid.WEIGHTS_HIGH))
