"""CAST between all types, and QUANTIZE and DEQUANTIZE where a type is uint8 or int32."""

from __future__ import annotations

from support.case import Case, Operator, TensorSpec
from support.make import act, plain

SHAPE = (1, 3, 4, 5)
TYPES = ("int8", "int16", "int32", "float32", "bool")
LIMITS = (127.5, -128.5, 128.0, 32768.5, -32769.0, 2147483520.0, 2147483648.0, -2147483648.0, -3e9, 1e30)
REAL = (*LIMITS, 0.99, -0.99, 0.0, -0.0, 1e-45, float("inf"), float("-inf"), float("nan"))


def _u8(quant: tuple[float, int]) -> TensorSpec:
    return TensorSpec(SHAPE, "uint8", (quant[0],), (quant[1],))


def _signed(dtype: str, scale: float) -> TensorSpec:
    return TensorSpec(SHAPE, dtype, (scale,), (0,))


def _quantize(name: str, source: TensorSpec, target: TensorSpec) -> Case:
    return Case(f"requantize_{name}", Operator("QUANTIZE", (source,), (target,)))


CASES = (
    *(
        Case(f"cast_{source}_{target}", Operator("CAST", (plain(SHAPE, source),), (plain(SHAPE, target),)), REAL)
        for source in TYPES
        for target in TYPES
    ),
    _quantize("s8_u8", act(SHAPE, (0.05, -3)), _u8((0.05, 125))),
    _quantize("s8_u8_rescaled", act(SHAPE, (0.05, -3)), _u8((0.031, 200))),
    _quantize("u8_s8", _u8((0.05, 130)), act(SHAPE, (0.05, 2))),
    _quantize("u8_s8_rescaled", _u8((0.05, 255)), act(SHAPE, (0.08, -7))),
    _quantize("s8_s32", act(SHAPE, (0.05, 20)), _signed("int32", 1e-7)),
    _quantize("s16_s32", _signed("int16", 0.001), _signed("int32", 3e-7)),
    _quantize("s32_s8", _signed("int32", 1e-9), act(SHAPE, (0.02, 12))),
    _quantize("s32_s16", _signed("int32", 1e-9), _signed("int16", 1e-4)),
    Case("dequantize_u8", Operator("DEQUANTIZE", (_u8((0.05, 130)),), (plain(SHAPE, "float32"),))),
)
