"""The arguments and options that commands share, and how they become a Job."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from toolchain.cli.console import Output

if TYPE_CHECKING:
    from toolchain.budget import Budget
    from toolchain.importers.reading import Reading
    from toolchain.job import Job
    from toolchain.quantize.recipe import Recipe
    from toolchain.target import Target


class FlasherName(str, Enum):
    """``auto`` takes what the target and the port allow."""

    auto = "auto"
    an3155 = "an3155"
    emulator = "emulator"
    gdb = "gdb"
    openocd = "openocd"
    pyocd = "pyocd"
    none = "none"


class Objective(str, Enum):
    """``balanced``: few cycles within 1.25 times the smallest flash and 1.6 times the RAM of whole tensors."""

    balanced = "balanced"
    latency = "latency"
    flash = "flash"
    ram = "ram"


class Arena(str, Enum):
    """``heuristic``: a fast search. ``optimal``: proven, by CP-SAT where that search alone proves nothing."""

    heuristic = "heuristic"
    optimal = "optimal"


class QuantizerName(str, Enum):
    """What makes int8 of a float model: TensorFlow's converter, or mcuforge itself."""

    tflite = "tflite"
    mcuforge = "mcuforge"


class RoundingName(str, Enum):
    """Of weights below int8: each to its nearest value, or together, so that the layers' outputs are kept."""

    nearest = "nearest"
    least_squares = "least-squares"
    adaround = "adaround"


ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help=".keras, .h5, SavedModel folder, .tflite, .onnx, .pt2 (PyTorch), module:function, or a build's folder.",
    ),
]
DataOption = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="DATA",
        help="Calibration and test samples: .npz with x_calib, y_calib, x_test, y_test; .npy; "
        "a folder of images in class sub-folders; or module:function.",
    ),
]
RepresentativeOption = Annotated[
    str | None, typer.Option("--representative", metavar="DATA", help="Samples to calibrate with, instead of --data's.")
]
EvaluationOption = Annotated[
    str | None, typer.Option("--evaluation", metavar="DATA", help="Samples to judge by, instead of --data's.")
]
TargetOption = Annotated[
    str, typer.Option("--target", metavar="TARGET", help="A bundled target's name, or the path of a .toml of your own.")
]
NameOption = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="Name in C and in the report; default: the file's name.")
]
PortOption = Annotated[
    str,
    typer.Option("--port", metavar="PORT", help="Serial device, pyserial URL, or auto: a board on USB, else virtual."),
]
FlasherOption = Annotated[
    FlasherName, typer.Option("--flasher", metavar="HOW", help="auto, an3155, emulator, gdb, openocd, pyocd or none.")
]
RunsOption = Annotated[
    int, typer.Option("--runs", metavar="N", min=1, max=10_000, help="Timed inferences after the warm-up.")
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="Judge by the first N samples only.")
]
SanitizeOption = Annotated[bool, typer.Option("--sanitize", help="Build with address and undefined-behaviour checks.")]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Folder for the results; default: a folder in mcuforge-out."),
]


@dataclass(frozen=True)
class Limits:
    """What was typed of the budget; ``with_limits`` makes it from five options."""

    optimize: Objective = Objective.balanced
    max_flash: str | None = None
    max_ram: str | None = None
    max_latency: str | None = None
    arena: Arena = Arena.heuristic


@dataclass(frozen=True)
class ModelReading:
    """What was typed about the model's file; ``with_reading`` makes it from four options."""

    input_shape: list[str] | None = None
    batch: int | None = None
    custom_objects: str | None = None
    signature: str | None = None


@dataclass(frozen=True)
class Quantization:
    """How a float model is quantized; ``with_quantization`` makes it from six options."""

    quantizer: QuantizerName | None = None
    format: str | None = None
    recipe: Path | None = None
    calibration: str | None = None
    bias_correction: bool | None = None
    rounding: RoundingName | None = None


_QUANTIZATION = {
    "quantizer": Annotated[
        QuantizerName | None,
        typer.Option(
            "--quantizer",
            metavar="WHO",
            help="Of a float model: tflite (TFLiteConverter; the default for plain int8) or mcuforge.",
        ),
    ],
    "format": Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="Of the whole model: float32, float16, bfloat16, int16x8, int8 (default), int4, kmeans6 to kmeans2, "
            "ternary, binary or sparse; kmeans4:16 has a codebook for each 16 output channels. Below int8 the first "
            "and the last layer stay int8.",
        ),
    ],
    "recipe": Annotated[
        Path | None,
        typer.Option("--recipe", metavar="FILE", help="Formats and methods, layer by layer: a .toml file."),
    ],
    "calibration": Annotated[
        str | None,
        typer.Option(
            "--calibration",
            metavar="HOW",
            help="Ranges for --quantizer mcuforge: minmax, moving-average, percentile (default; percentile:99.9), mse "
            "or entropy.",
        ),
    ],
    "bias_correction": Annotated[
        bool | None,
        typer.Option(
            "--bias-correction/--no-bias-correction",
            help="For --quantizer mcuforge: take shifts of the layers' means out of their biases; default: yes.",
            show_default=False,
        ),
    ],
    "rounding": Annotated[
        RoundingName | None,
        typer.Option(
            "--rounding", metavar="HOW", help="Of weights below int8: least-squares (default), adaround or nearest."
        ),
    ],
}
_READING = {
    "input_shape": Annotated[
        list[str] | None,
        typer.Option(
            "--input-shape",
            metavar="[NAME=]SIZES",
            help="A sample's shape, such as 32x32x3, for an input without a fixed one; once for each input.",
        ),
    ],
    "batch": Annotated[
        int | None, typer.Option("--batch", metavar="1", min=1, max=1, help="Make the batch of a .tflite 1.")
    ],
    "custom_objects": Annotated[
        str | None,
        typer.Option(
            "--custom-objects",
            metavar="MODULE",
            help="Module or .py file with the layers and functions of your own that a Keras file names; it is run.",
        ),
    ],
    "signature": Annotated[
        str | None,
        typer.Option("--signature", metavar="NAME", help="Which function of a .tflite with several."),
    ],
}
_LIMITS = {
    "optimize": Annotated[
        Objective, typer.Option("--optimize", metavar="WHAT", help="balanced, latency, flash or ram.")
    ],
    "max_flash": Annotated[
        str | None,
        typer.Option("--max-flash", metavar="SIZE", help="Whole firmware: 64k is 64,000 bytes, 64Ki 65,536."),
    ],
    "max_ram": Annotated[str | None, typer.Option("--max-ram", metavar="SIZE", help="The arena: tensors and scratch.")],
    "max_latency": Annotated[
        str | None,
        typer.Option("--max-latency", metavar="TIME", help="Modelled: 9.2Mcycles, or 20ms at the target's clock."),
    ],
    "arena": Annotated[
        Arena,
        typer.Option(
            "--arena", metavar="HOW", help="Layout of the arena: heuristic, or optimal (proven; may need OR-Tools)."
        ),
    ],
}


def with_limits(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the budget; it takes them together as ``limits``."""
    return with_group(function, "limits", Limits, _LIMITS)


def with_reading(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options about the model's file; it takes them together as ``reading``."""
    return with_group(function, "reading", ModelReading, _READING)


def with_quantization(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of quantization; it takes them together as ``quantization``."""
    return with_group(function, "quantization", Quantization, _QUANTIZATION)


def with_group(
    function: Callable[..., None], parameter: str, group: type[Any], options: dict[str, Any]
) -> Callable[..., None]:
    """``function`` with an option for each field of ``group``, which it takes together as ``parameter``."""
    signature = inspect.signature(function, eval_str=True)
    others = [p for name, p in signature.parameters.items() if name != parameter]
    added = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=options[f.name])
        for f in fields(group)
    ]

    @functools.wraps(function)
    def command(**values: Any) -> None:
        function(**{parameter: group(**{name: values.pop(name) for name in options})}, **values)

    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in others] + added
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _version(ctx: typer.Context, value: bool) -> None:
    if value:
        from toolchain import __version__

        output_of(ctx).version(__version__)
        raise typer.Exit


_COMMON = {
    "json": typer.Option("--json", help="One JSON document on stdout."),
    "quiet": typer.Option("--quiet", "-q", help="Only errors and warnings."),
    "version": typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit."),
}


def output_of(ctx: typer.Context) -> Output:
    """Where this run writes to."""
    output = ctx.obj
    assert isinstance(output, Output)
    return output


def with_common_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command --json, --quiet and --version, before or after its name.

    They are declared here to be accepted and explained. ``boundary.run`` has acted on the first two by the time the
    command runs, since an error in the options themselves must be told in the form that was asked for.
    """
    signature = inspect.signature(function, eval_str=True)
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, option])
        for name, option in _COMMON.items()
    ]

    @functools.wraps(function)
    def command(**values: Any) -> None:
        function(**{name: value for name, value in values.items() if name not in _COMMON})

    parameters = [*signature.parameters.values(), *common]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def make_job(model: str, target: str, quantization: Quantization, limits: Limits | None = None, **options: Any) -> Job:
    """A Job from what was typed. Raises TargetError when there is no such target."""
    from toolchain.job import Job
    from toolchain.target import load_target

    flasher = options.pop("flasher", FlasherName.auto)
    described = load_target(target)
    budget = _budget(described, limits or Limits())
    quantizer, recipe = _quantization(quantization)
    reading = options.pop("reading", None)
    return Job(
        model=model,
        target=described,
        flasher=flasher.value,
        budget=budget,
        quantizer=quantizer,
        recipe=recipe,
        reading=reading_of(reading or ModelReading()),
        **options,
    )


def reading_of(typed: ModelReading) -> Reading:
    """Raises ModelError for a shape that cannot be read."""
    from toolchain.importers.reading import Reading, parse_shapes

    shapes = parse_shapes(typed.input_shape or ())
    return Reading(shapes, typed.batch is not None, typed.custom_objects, typed.signature)


def _quantization(typed: Quantization) -> tuple[str, Recipe | None]:
    """The quantizer and its recipe. Raises UserError for a recipe that cannot be read and names of nothing."""
    import dataclasses

    from toolchain.errors import UserError
    from toolchain.quantize.recipe import EMPIRICAL, NONE, read_recipe, recipe_for

    if typed.format is not None and typed.recipe is not None:
        raise UserError("--format and --recipe both name the weights' formats", "leave one of them out")
    rounding = typed.rounding.value if typed.rounding else None
    recipe = read_recipe(typed.recipe) if typed.recipe else recipe_for(typed.format or "int8", rounding)
    changes: dict[str, Any] = {"calibration": typed.calibration, "rounding": rounding}
    if typed.bias_correction is not None:
        changes["bias_correction"] = EMPIRICAL if typed.bias_correction else NONE
    changes = {name: value for name, value in changes.items() if value is not None}
    own = typed.recipe is not None or typed.format not in (None, "int8")
    quantizer = typed.quantizer or (QuantizerName.mcuforge if own else QuantizerName.tflite)
    return quantizer.value, dataclasses.replace(recipe, **changes) if own or changes else None


def _budget(target: Target, limits: Limits) -> Budget:
    """Raises UserError for a limit that cannot be read."""
    from toolchain.budget import Budget, parse_latency, parse_size

    return Budget(
        objective=limits.optimize.value,
        max_flash=parse_size(limits.max_flash) if limits.max_flash else None,
        max_ram=parse_size(limits.max_ram) if limits.max_ram else None,
        max_cycles=parse_latency(limits.max_latency, target) if limits.max_latency else None,
        arena=limits.arena.value,
    )


def default_out(model: str, name: str | None, what: str = "") -> Path:
    """``mcuforge-out/<name>``, with ``-<what>`` for what is not a deployment."""
    if name is None:
        spec = re.fullmatch(r"[\w.]+:(\w+)", model)
        name = spec[1] if spec else Path(model).stem
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip(".") or "model"
    return Path("mcuforge-out") / (f"{name}-{what}" if what else name)
