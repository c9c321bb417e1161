"""QUANTIZE and DEQUANTIZE."""

from __future__ import annotations

from support.case import RANDOM_SETS, Case, Operator
from support.make import Quant, act, plain, unary

INFINITY = float("inf")
DENORMAL, SMALLEST, LARGEST = 1e-45, 1.1754944e-38, 3.4028235e38
TIES = tuple(k + 0.5 for k in (-129, -128, -127, -4, -3, -2, -1, 0, 1, 2, 3, 125, 126, 127, 128))
BESIDE = tuple(v for t in TIES for v in (t * (1 - 1e-6), t * (1 + 1e-6)))
ODD = (0.0, -0.0, DENORMAL, -DENORMAL, SMALLEST, -SMALLEST, 0.49999997, -0.49999997, 8388607.5, -8388607.5)


def _quantize(name: str, size: int, quant: Quant, values: tuple[float, ...]) -> Case:
    scaled = tuple(v * quant[0] for v in values)
    return Case(name, Operator("QUANTIZE", (plain((1, size), "float32"),), (act((1, size), quant),)), scaled)


CASES = (
    _quantize("quantize_f32_ties", 16, (0.5, 0), (*TIES, *BESIDE)),
    _quantize("quantize_f32_ties_lowest_zero_point", 16, (0.25, -128), (*TIES, *BESIDE)),
    _quantize("quantize_f32_ties_highest_zero_point", 16, (2.0, 127), (*TIES, *BESIDE)),
    _quantize("quantize_f32_odd_scale", 16, (0.0372549, -7), (*TIES, *BESIDE, *ODD)),
    _quantize("quantize_f32_odd_values", 8, (1.0, 3), ODD),
    _quantize("quantize_f32_far_out", 4, (0.1, 1), (1e3, -1e3, 1001.0, -1001.0, 1e9, -1e9, 2.1e9, -2.1e9)),
    _quantize("quantize_f32_tiny_scale", 12, (1e-6, -12), (*TIES, *ODD)),
    _quantize("quantize_f32_huge_scale", 12, (1e6, 12), (*TIES, *ODD)),
    Case(
        "quantize_f32_infinite",
        Operator("QUANTIZE", (plain((1, 4), "float32"),), (act((1, 4), (0.01, 20)),)),
        (INFINITY, -INFINITY, LARGEST, -LARGEST),
        oracle_sets=RANDOM_SETS,  # TFLM converts these to int32, which C leaves undefined
    ),
    Case(
        "quantize_f32_image",
        Operator("QUANTIZE", (plain((1, 4, 4, 3), "float32"),), (act((1, 4, 4, 3), (1 / 255, -128)),)),
        tuple(k / 255 for k in range(0, 256, 5)),
    ),
    unary("requantize_same", "QUANTIZE", act((1, 40), (0.05, -3)), act((1, 40), (0.05, -3))),
    unary("requantize_up", "QUANTIZE", act((1, 4, 4, 3), (0.3, -3)), act((1, 4, 4, 3), (0.02, 9))),
    unary("requantize_down", "QUANTIZE", act((1, 4, 4, 3), (0.02, -128)), act((1, 4, 4, 3), (0.05, 127))),
    unary("requantize_far_down", "QUANTIZE", act((1, 40), (1e-4, 127)), act((1, 40), (7.0, -128))),
    unary("requantize_far_up", "QUANTIZE", act((1, 40), (9.0, 0)), act((1, 40), (0.001, 0))),
    unary("requantize_shift_zero_point", "QUANTIZE", act((1, 40), (0.05, -128)), act((1, 40), (0.05, 0))),
    unary("dequantize", "DEQUANTIZE", act((1, 40), (0.05, -3)), plain((1, 40), "float32")),
    unary("dequantize_lowest", "DEQUANTIZE", act((1, 3, 3, 3), (1 / 256, -128)), plain((1, 3, 3, 3), "float32")),
    unary("dequantize_highest", "DEQUANTIZE", act((1, 7), (1e-6, 127)), plain((1, 7), "float32")),
    unary("dequantize_huge", "DEQUANTIZE", act((1, 7), (1e9, 0)), plain((1, 7), "float32")),
)
