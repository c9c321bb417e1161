"""Functions of one code: on int8 what the tables of 256 outputs hold; ABS, LEAKY_RELU and RSQRT on int16, too.

They are made as the operator's kernel in TFLM computes its outputs; in TensorFlow Lite, where TFLM has none for int8
(EXP, GELU, RELU_N1_TO_1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolchain import gemmlowp
from toolchain.fixedpoint import inverse_sqrt, quantize_multiplier, requantize, rounding_divide_by_pot
from toolchain.graph import Array, Graph, Node, Tensor
from toolchain.ops.base import Constraint
from toolchain.ops.common import WITHIN_32_BITS, quantize_real, within_32_bits

RSQRT_DIGITS = 20  # behind the point, of 1 / sqrt(code)
_INTEGER_BITS = 4  # of what goes into logistic and tanh
_F = np.float32


@dataclass(frozen=True)
class LeakyAttrs:
    """What negative values are multiplied by, a float32 value."""

    alpha: float


@dataclass(frozen=True)
class GeluAttrs:
    approximate: bool


# What an output code is before it is clamped, for the input's codes without their zero point; both as int64.
Function = Callable[[Array, Tensor, Tensor, Any], Array]


def abs_codes(v: Array, x: Tensor, out: Tensor, attrs: None) -> Array:
    return requantize(np.abs(v), *identity_factor(x, out)) + out.zero_point


def identity_factor(x: Tensor, out: Tensor) -> tuple[int, int]:
    """(multiplier, shift) from codes of ``x`` to codes of ``out``; of equal scales one that changes nothing."""
    return quantize_multiplier(x.scale / out.scale)


def rsqrt_codes(v: Array, x: Tensor, out: Tensor, attrs: None) -> Array:
    """Codes below the zero point, which TFLM refuses at run time, give what 0 gives: the largest code."""
    multiplier, shift = rsqrt_factor(x, out)
    factor, exponent = inverse_sqrt(np.maximum(v, 1))
    fine = requantize(np.ones_like(v), factor, exponent + RSQRT_DIGITS)
    scaled = requantize(fine, multiplier, shift - RSQRT_DIGITS) + out.zero_point
    return np.where(v > 0, scaled, np.iinfo(out.dtype).max)


def rsqrt_factor(x: Tensor, out: Tensor) -> tuple[int, int]:
    """(multiplier, shift) from 1 / sqrt(code) to codes of the output."""
    return quantize_multiplier(1.0 / (math.sqrt(x.scale) * out.scale))


def leaky_relu_codes(v: Array, x: Tensor, out: Tensor, attrs: LeakyAttrs) -> Array:
    rising, falling = leaky_factors(x, out, attrs)
    return np.where(v >= 0, requantize(v, *rising), requantize(v, *falling)) + out.zero_point


def leaky_factors(x: Tensor, out: Tensor, attrs: LeakyAttrs) -> tuple[tuple[int, int], tuple[int, int]]:
    """Of codes from 0 on, and of those below."""
    return identity_factor(x, out), quantize_multiplier(x.scale * attrs.alpha / out.scale)


def relu_n1_to_1_codes(v: Array, x: Tensor, out: Tensor, attrs: None) -> Array:
    scaled = requantize(v, *identity_factor(x, out)) + out.zero_point
    clipped: Array = np.clip(scaled, quantize_real(-1.0, out), quantize_real(1.0, out))
    return clipped


def _fixed_point(v: Array, x: Tensor) -> tuple[Array, Array]:
    """(Q4.27 numbers, the sign where a number is beyond these). From a scale of 8 on even 0 is: below them, in TFLM."""
    multiplier, shift = quantize_multiplier(x.scale * (1 << (31 - _INTEGER_BITS)))
    radius = math.floor(((1 << _INTEGER_BITS) - 1) * 2.0 ** (31 - _INTEGER_BITS - shift))
    beyond = np.where(v <= -radius, -1, np.where(v >= radius, 1, 0))
    return requantize(np.where(beyond, 0, v), multiplier, shift), beyond


def logistic_codes(v: Array, x: Tensor, out: Tensor, attrs: None) -> Array:
    fixed, beyond = _fixed_point(v, x)
    return np.where(beyond, 127 * beyond, rounding_divide_by_pot(gemmlowp.logistic(fixed), 23) - 128) - (beyond < 0)


def tanh_codes(v: Array, x: Tensor, out: Tensor, attrs: None) -> Array:
    fixed, beyond = _fixed_point(v, x)
    return np.where(beyond, 127 * beyond, rounding_divide_by_pot(gemmlowp.tanh(fixed), 24)) - (beyond < 0)


def _srdhm16(a: Array, b: int) -> Array:
    product: Array = (a * b + np.where(a * b >= 0, 1 << 14, 1 - (1 << 14))) / (1 << 15)
    return np.trunc(product).astype(np.int64)


def _factor16(real: float) -> tuple[int, int]:
    """A multiplier of 16 bits and its exponent."""
    multiplier, exponent = quantize_multiplier(real)
    return min((multiplier + (1 << 15)) >> 16, (1 << 15) - 1), exponent


def _swish_factors(x: Tensor, out: Tensor) -> tuple[tuple[int, int], tuple[int, int]]:
    fine = x.scale / 128.0
    return _factor16(fine / out.scale), _factor16(fine / (3.0 / 32768.0))


def _saturated16(v: Array, left: int) -> Array:
    shifted: Array = np.clip(v << left, -(1 << 15), (1 << 15) - 1)
    return shifted


def hard_swish_codes(v: Array, x: Tensor, out: Tensor, attrs: None) -> Array:
    (factor, exponent), (inner, inner_exponent) = _swish_factors(x, out)
    fine = v << 7
    slope = _saturated16(fine, inner_exponent - 1) if inner_exponent > 0 else fine
    slope = _srdhm16(slope, inner)
    if inner_exponent > 0:
        slope = _saturated16(slope, 1)
    if inner_exponent < 0:
        slope = rounding_divide_by_pot(slope, -inner_exponent)
    slope = (slope + (1 << 15)) >> 1  # 0 to 1
    product = np.trunc(slope * _srdhm16(fine, factor) / (1 << 15)).astype(np.int64)
    return rounding_divide_by_pot(product, -exponent) + out.zero_point


def by_float(function: Callable[[Array, Any], Array]) -> Function:
    """The table that TensorFlow Lite makes of a function of float32 values; ``function`` rounds to float32."""

    def codes(v: Array, x: Tensor, out: Tensor, attrs: Any) -> Array:
        with np.errstate(over="ignore"):
            real = function(_F(x.scale) * v.astype(_F), attrs) * (_F(1) / _F(out.scale))
        whole = np.trunc(real + np.copysign(_F(0.5), real)) + _F(out.zero_point)
        clipped: Array = np.clip(whole, -128, 127).astype(np.int64)
        return clipped

    return codes


def elu_values(x: Array, attrs: None) -> Array:
    return np.where(x < 0, np.exp(np.minimum(x, 0).astype(np.float64)).astype(_F) - _F(1), x)


def exp_values(x: Array, attrs: None) -> Array:
    rounded: Array = np.exp(x.astype(np.float64)).astype(_F)
    return rounded


def gelu_values(x: Array, attrs: GeluAttrs) -> Array:
    if attrs.approximate:
        inner = _F(math.sqrt(2 / math.pi)) * (x + _F(0.044715) * x * x * x)
        share: Array = _F(1) + np.tanh(inner.astype(np.float64)).astype(_F)
    else:
        tail = [math.erfc(a) for a in (x * _F(-math.sqrt(0.5))).reshape(-1).tolist()]
        share = np.array(tail, _F).reshape(x.shape)
    result: Array = _F(0.5) * x * share
    return result


def _factors_ok(graph: Graph, node: Node) -> bool:
    """No code can leave 32 bits when it is rescaled."""
    x, out = graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0])
    factors = [identity_factor(x, out)]
    if isinstance(node.attrs, LeakyAttrs):
        factors = list(leaky_factors(x, out, node.attrs))
    largest = 255 if x.dtype == "int8" else 1 << 15
    return all(within_32_bits(largest, shift) for _, shift in factors)


def _sharp(graph: Graph, node: Node) -> bool:
    return 2.0**-27 <= graph.tensor(node.inputs[0]).scale < 16.0


def _swish_ok(graph: Graph, node: Node) -> bool:
    (_, exponent), (_, inner) = _swish_factors(graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0]))
    return -31 <= exponent <= 0 and -31 <= inner <= 15


def _rsqrt_ok(graph: Graph, node: Node) -> bool:
    _, shift = rsqrt_factor(graph.tensor(node.inputs[0]), graph.tensor(node.outputs[0]))
    return RSQRT_DIGITS - 31 <= shift < 30


RESCALED = Constraint(WITHIN_32_BITS, _factors_ok)
STEP = Constraint("its input's scale must be at least 2**-27 and below 16", _sharp)
SWISHING = Constraint("its output's scale must be at least its input's by 128, both within 16 bits", _swish_ok)
ROOTED = Constraint("its output's scale must be within 2**-30 to 2**10 of 1 / sqrt(its input's scale)", _rsqrt_ok)
