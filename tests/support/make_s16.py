"""Cases of int8 operators as cases with int16 activations."""

from __future__ import annotations

import dataclasses

from support.case import Case, Seeded, TensorSpec

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
STEP = 256  # codes of int16 to one of int8, so that what outputs span stays the same
BIAS = Seeded(-3000 * STEP, 3000 * STEP)


def int16(spec: TensorSpec) -> TensorSpec:
    """The tensor as int16, with scales 256 times finer and zero point 0."""
    scales = tuple(s / STEP for s in spec.scale)
    return dataclasses.replace(spec, dtype="int16", scale=scales, zero_point=(0,) * len(scales))


def wide(case: Case, suffix: str = "_s16") -> Case:
    """The case with int16 activations, int8 weights and int64 biases, its id with ``suffix``."""
    operator = case.operator
    weighted = operator.builtin in WEIGHTED
    inputs: list[TensorSpec | None] = []
    for i, spec in enumerate(operator.inputs):
        if spec is None or (weighted and i == 1) or spec.dtype not in ("int8", "int32"):
            inputs.append(spec)
        elif spec.dtype == "int8":
            inputs.append(int16(spec))
        elif weighted and spec.scale:
            data = BIAS if isinstance(spec.data, Seeded) else spec.data
            inputs.append(dataclasses.replace(int16(spec), dtype="int64", data=data))
        else:
            inputs.append(spec)
    outputs = tuple(int16(t) for t in operator.outputs)
    new = dataclasses.replace(operator, inputs=tuple(inputs), outputs=outputs)
    return dataclasses.replace(case, id=case.id + suffix, operator=new)
