"""The number formats that a user can name, and what each one does to the weights and the activations of a layer.

Formats below int8 stay int8 for every tool that reads the model: their weights are int8 codes of which only some occur,
so that a ``.tflite`` can hold them and a kernel may store less than 8 bits for each. Sources: Jacob et al. 2018 (int8);
Nagel et al., "A White Paper on Neural Network Quantization", 2021 (int4); Han et al., "Deep Compression", 2016
(codebooks, pruning); Zhu et al., "Trained Ternary Quantization", 2017; Rastegari et al., "XNOR-Net", 2016 (binary).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from toolchain.errors import UserError

INT8, INT16, FLOAT32 = "int8", "int16", "float32"
INT16X8 = "int16x8"
SPARSE_FRACTION = 0.5  # of the blocks that become zero when nothing else is said
_SPARSE = "sparse"


@dataclass(frozen=True)
class WeightFormat:
    """``bits`` are stored for one weight, scales and tables apart. ``meaning`` is for users."""

    name: str
    bits: float
    meaning: str


def _codebook(bits: int) -> WeightFormat:
    return WeightFormat(f"kmeans{bits}", bits, f"{1 << bits} int8 centroids for a layer, found by k-means; indices")


_INTEGER = (
    WeightFormat(INT8, 8, "codes -127 to 127"),
    *(_codebook(bits) for bits in (6, 5)),
    WeightFormat("int4", 4, "codes -7 to 7"),
    *(_codebook(bits) for bits in (4, 3, 2)),
    WeightFormat("ternary", 2, "codes -1, 0 and 1"),
    WeightFormat("binary", 1, "codes -1 and 1"),
    WeightFormat(_SPARSE, 8, "blocks of four neighbouring weights are zero, half of them; sparse:0.7 for 70 %"),
)
_FLOAT = (
    WeightFormat(FLOAT32, 32, "IEEE 754 single precision"),
    WeightFormat("float16", 16, "IEEE 754 half precision, computed in single precision"),
    WeightFormat("bfloat16", 16, "the upper half of a float32, computed in single precision"),
)
WEIGHTS: Mapping[str, WeightFormat] = {f.name: f for f in (*_FLOAT, *_INTEGER)}
ACTIVATIONS = (INT8, INT16, FLOAT32)
# What --format takes: (weights, activations) of a whole model.
FORMATS: Mapping[str, tuple[str, str]] = {
    **{f.name: (f.name, FLOAT32) for f in _FLOAT},
    INT16X8: (INT8, INT16),
    **{f.name: (f.name, INT8) for f in _INTEGER},
}


def parts_of(format_name: str, where: str = "--format") -> tuple[str, str]:
    """The formats of the weights and of the activations that ``format_name`` stands for. UserError when it is none."""
    name = format_name.partition(":")[0]
    if name not in FORMATS:
        raise UserError(f"{where}: there is no format {format_name!r}", f"choose one of {', '.join(FORMATS)}")
    weights, activations = FORMATS[name]
    if name != format_name:
        weights = format_name
    weight_format(weights, where)
    return weights, activations


def weight_bits(format_name: str) -> float:
    """What one weight takes in a format."""
    weights, _ = parts_of(format_name)
    return weight_format(weights, format_name).bits


def is_float(weights: str) -> bool:
    """Whether a weight format belongs to a model that is not quantized."""
    return any(weights == f.name for f in _FLOAT)


def is_below_int8(weights: str) -> bool:
    """Whether only some of the int8 codes occur."""
    return not is_float(weights) and weights != INT8


def weight_format(text: str, where: str) -> WeightFormat:
    """The format that ``text`` names, ``sparse:0.7`` and ``kmeans4:16`` too. UserError, about ``where``, for none."""
    family, colon, _ = text.partition(":")
    if family in WEIGHTS and (not colon or family == _SPARSE or codebook_bits(family)):
        sparse_fraction(text, where)
        codebook_group(text, where)
        return WEIGHTS[family]
    hint = f"choose one of {', '.join(WEIGHTS)}"
    if family in WEIGHTS:
        hint = f"write {family}: only codebooks are for groups of channels (kmeans4:16), only sparse has a share"
    raise UserError(f"{where}: there is no weight format {text!r}", hint)


def sparse_fraction(text: str, where: str = _SPARSE) -> float:
    """The fraction of zero blocks that ``sparse`` or ``sparse:0.7`` asks for; 0.0 for other formats."""
    family, colon, parameter = text.partition(":")
    if family != _SPARSE:
        return 0.0
    try:
        fraction = float(parameter) if colon else SPARSE_FRACTION
    except ValueError:
        fraction = 0.0
    if not 0.0 < fraction < 1.0:
        raise UserError(f"{where}: {text!r} names no fraction of zero blocks", "write it as sparse:0.7 for 70 %")
    return fraction


def codebook_bits(weights: str) -> int:
    """Bits of an index into a k-means codebook; 0 for other formats."""
    before, _, bits = weights.partition(":")[0].partition("kmeans")
    return int(bits) if not before and bits else 0


def codebook_group(text: str, where: str = "kmeans") -> int | None:
    """How many output channels share a codebook: 16 for ``kmeans4:16``; None where a layer has one, or none at all."""
    _, colon, parameter = text.partition(":")
    if not colon or not codebook_bits(text):
        return None
    if not (parameter.isdecimal() and int(parameter)):
        raise UserError(
            f"{where}: {text!r} names no number of output channels that share a codebook", "write it as kmeans4:16"
        )
    return int(parameter)


def channel_groups(text: str, channels: int) -> list[slice]:
    """The output channels of a layer that are coded together; the last group may be smaller."""
    size = codebook_group(text) or channels
    return [slice(first, min(first + size, channels)) for first in range(0, channels, size)]
