"""MAXIMUM and MINIMUM: as in TFLM codes are compared as they are, whatever their scales."""

from __future__ import annotations

import numpy as np

from toolchain.ops.base import PtqRule
from toolchain.ops.binary import operator, simply

_TYPES = ("int8", "int16", "int32", "float32")
_TABLE = "MaximumMinimumOptions"

OPS = (
    operator(
        "maximum",
        "nn_extremum",
        {dtype: simply(lambda a, b: np.where(a > b, a, b)) for dtype in _TYPES},
        table=_TABLE,
        ptq=PtqRule(shared=True),
    ),
    operator(
        "minimum",
        "nn_extremum",
        {dtype: simply(lambda a, b: np.where(a < b, a, b)) for dtype in _TYPES},
        table=_TABLE,
        ptq=PtqRule(shared=True),
    ),
)
