"""The quantizers that a user can choose: TFLiteConverter (for a float ``.tflite``, ai-edge-quantizer) and our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy.typing as npt

from toolchain.errors import UserError
from toolchain.graph import Graph
from toolchain.importers.float_model import FloatModel
from toolchain.importers.float_tflite import FloatTflite
from toolchain.job import Job
from toolchain.progress import Progress
from toolchain.quantize.recipe import Recipe, check_recipe, recipe_from_dict, recipe_to_dict, weight_formats

Array = npt.NDArray[Any]
Quantizer = Callable[[Any, Sequence[Array], Progress], bytes]

TFLITE, MCUFORGE = "tflite", "mcuforge"


@dataclass(frozen=True)
class Method:
    """How a model came to its integers: ``recipe`` is None for other quantizers than mcuforge's.

    ``weights`` are the formats of the layers with weights, by the layers' names.
    """

    quantizer: str
    recipe: Recipe | None = None
    weights: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """The recipe's settings for people, without its layers."""
        if self.recipe is None:
            return {}
        values = recipe_to_dict(self.recipe)
        shown = {name: value for name, value in values.items() if name not in ("layers", "weights", "keep_ends")}
        return {name: value if isinstance(value, str) else "yes" if value else "no" for name, value in shown.items()}

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``build.json`` and the report."""
        recipe = None if self.recipe is None else recipe_to_dict(self.recipe)
        return {"quantizer": self.quantizer, "recipe": recipe, "weights": dict(self.weights)}


def method_from_json(values: Mapping[str, Any], where: str) -> Method:
    """The inverse of ``Method.to_json``."""
    recipe = values["recipe"]
    return Method(
        str(values["quantizer"]),
        None if recipe is None else recipe_from_dict(recipe, where),
        dict(values["weights"]),
    )


def method_of(job: Job, graph: Graph) -> Method:
    """What ``quantizer_of`` does for this job, which made ``graph``. UserError for layers that it does not have."""
    if job.quantizer != MCUFORGE:
        return Method(job.quantizer, None, weight_formats(Recipe(), graph))
    recipe = job.recipe or Recipe()
    return Method(MCUFORGE, recipe, weight_formats(recipe, graph))


def check_choice(job: Job) -> None:
    """UserError when the job's quantizer or recipe is none, or they do not go together."""
    if job.quantizer not in (TFLITE, MCUFORGE):
        raise UserError(f"there is no quantizer {job.quantizer}", f"choose {TFLITE} or {MCUFORGE}")
    if job.recipe is None:
        return
    check_recipe(job.recipe, "the recipe")
    if job.quantizer != MCUFORGE:
        raise UserError(
            f"the quantizer {job.quantizer} takes no recipe: no format, calibration, rounding or bias correction",
            f"add --quantizer {MCUFORGE}, or leave these out",
        )


def stays_float(job: Job) -> bool:
    """Whether the job's model is not quantized at all: its format is a float one."""
    return job.recipe is not None and job.recipe.is_float


def quantizer_of(model: FloatModel | FloatTflite, job: Job) -> Quantizer:
    """The function that turns ``model`` and representative samples into a ``.tflite``, full-integer for integers."""
    if job.quantizer == MCUFORGE:
        from toolchain.quantize.ptq import quantize

        return partial(quantize, recipe=job.recipe or Recipe())
    if isinstance(model, FloatTflite):
        from toolchain.quantize.tflite_float import quantize_tflite

        return quantize_tflite
    from toolchain.quantize.tflite_ptq import quantize as quantize_by_converter

    return quantize_by_converter
