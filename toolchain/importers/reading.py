"""What the user says about a model file that does not say it itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolchain.errors import ModelError

_SHAPE = re.compile(r"(?:(?P<name>.+)=)?(?P<sizes>\d+(?:x\d+)*)")


@dataclass(frozen=True)
class Reading:
    """``shapes``: an input's name (empty: the next one) and the sizes of a sample of it, without the batch.

    ``batch_one``: the batch of a ``.tflite`` becomes 1. ``custom_objects``: a module or a Python file with layers and
    functions that a Keras file names. ``signature``: which of several functions in a ``.tflite`` is meant.
    """

    shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    batch_one: bool = False
    custom_objects: str | None = None
    signature: str | None = None

    def shape_for(self, position: int, name: str) -> tuple[int, ...] | None:
        """What was said of input number ``position``; None for nothing."""
        named = dict(self.shapes)
        if name in named:
            return named[name]
        unnamed = [sizes for wanted, sizes in self.shapes if not wanted]
        return unnamed[position] if position < len(unnamed) else None

    def check_names(self, names: Sequence[str], where: str) -> None:
        """ModelError for a shape that is of none of the model's inputs."""
        unnamed = sum(not name for name, _ in self.shapes)
        unknown = [name for name, _ in self.shapes if name and name not in names]
        if unknown or unnamed > len(names):
            problem = f"no input {unknown[0]}" if unknown else f"{len(names)} inputs, --input-shape was given {unnamed}"
            raise ModelError(f"{where} has {problem}", f"its inputs are {', '.join(names)}")


def reading_from(values: Mapping[str, Any]) -> Reading:
    """From the dictionary that ``dataclasses.asdict`` made and JSON kept. TypeError or ValueError when it is none."""
    shapes = tuple((str(name), tuple(int(size) for size in sizes)) for name, sizes in values.get("shapes", ()))
    return Reading(**{**values, "shapes": shapes})


def parse_shapes(typed: Sequence[str]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """``[NAME=]32x32x3`` of ``--input-shape``. Raises ModelError for what does not read so."""
    shapes = []
    for text in typed:
        match = _SHAPE.fullmatch(text.strip())
        sizes = tuple(int(size) for size in match["sizes"].split("x")) if match else ()
        if match is None or 0 in sizes:
            raise ModelError(
                f"--input-shape {text} is no shape", "write the sizes of a sample: 32x32x3, or name=32x32x3"
            )
        shapes.append((match["name"] or "", sizes))
    return tuple(shapes)
