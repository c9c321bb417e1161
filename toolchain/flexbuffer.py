"""Options of custom operators: a FlexBuffers map of numbers. Source of the format: FlexBuffers' internals page."""

from __future__ import annotations

from collections.abc import Mapping

from flatbuffers import flexbuffers

Number = bool | int | float


def read_map(content: bytes) -> dict[str, Number]:
    """The numbers by their names. ValueError, or what byte arithmetic runs into, where it is anything else."""
    root = flexbuffers.GetRoot(content)
    if not root.IsMap:
        raise ValueError("not a map")
    table = root.AsMap
    return {str(key.AsKey): _number(value) for key, value in zip(table.Keys, table.Values, strict=True)}


def _number(value: flexbuffers.Ref) -> Number:
    if value.IsBool:
        return bool(value.AsBool)
    if value.IsFloat:
        return float(value.AsFloat)
    if not value.IsInt:
        raise ValueError("not a number")
    return int(value.AsInt)


def write_map(numbers: Mapping[str, Number]) -> bytes:
    """Equal maps give equal bytes."""
    builder = flexbuffers.Builder()
    with builder.Map():
        for name, value in numbers.items():
            builder.Key(name)
            if isinstance(value, bool):
                builder.Bool(value)
            elif isinstance(value, float):
                builder.Float(value)
            else:
                builder.Int(value)
    return bytes(builder.Finish())
