"""What is compared: a row for each format, and for int8 a row for each way to calibrate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolchain.errors import UserError
from toolchain.quantize.formats import FORMATS, INT8, weight_format
from toolchain.quantize.methods import MCUFORGE, TFLITE
from toolchain.quantize.observers import OBSERVERS, check_calibration
from toolchain.quantize.recipe import Recipe, recipe_for

DEFAULT_FORMATS = (
    "float32",
    "float16",
    "bfloat16",
    "int16x8",
    INT8,
    "int4",
    *(f"kmeans{bits}" for bits in (6, 5, 4, 3, 2)),
    "ternary",
    "binary",
    "sparse",
)


@dataclass(frozen=True)
class Candidate:
    """``name`` heads the row. ``tuned`` is a model that was trained for this format, in place of the compared one."""

    name: str
    quantizer: str
    recipe: Recipe | None
    tuned: str | None = None


def candidates(names: Sequence[str], tuned: Mapping[str, str]) -> tuple[Candidate, ...]:
    """A row for each name. ``int8`` is one for each calibration, ``int8:mse`` and ``int8:tflite`` one of them.

    ``tuned`` has models by format. Raises UserError for what is no format.
    """
    rows: list[Candidate] = []
    for name in dict.fromkeys(names):
        family, _, choice = name.partition(":")
        if family == INT8:
            rows += [_int8(each) for each in ([choice] if choice else (TFLITE, *OBSERVERS))]
        elif family in FORMATS:
            rows.append(Candidate(name, MCUFORGE, recipe_for(name)))
        else:
            raise UserError(f"there is no format {name!r}", f"choose among {', '.join(FORMATS)}")
    unknown = [name for name in tuned if name.partition(":")[0] not in FORMATS]
    if unknown:
        raise UserError(f"--tuned: there is no format {unknown[0]!r}", f"choose among {', '.join(FORMATS)}")
    for name, model in tuned.items():
        rows.append(Candidate(f"{name} tuned", MCUFORGE, recipe_for(name), model))
    return tuple({row.name: row for row in rows}.values())


def _int8(choice: str) -> Candidate:
    if choice == TFLITE:
        return Candidate(f"{INT8}:{TFLITE}", TFLITE, None)
    check_calibration(choice, "--formats")
    return Candidate(f"{INT8}:{choice}", MCUFORGE, Recipe(calibration=choice))


def parse_tuned(texts: Sequence[str]) -> dict[str, str]:
    """ "ternary=model.keras" as {"ternary": "model.keras"}. Raises UserError for anything else."""
    found = {}
    for text in texts:
        name, equals, model = text.partition("=")
        if not (name and equals and model):
            raise UserError(f"--tuned {text}: not FORMAT=MODEL", "write it as --tuned ternary=model_ternary.keras")
        weight_format(name, "--tuned")
        found[name] = model
    return found
