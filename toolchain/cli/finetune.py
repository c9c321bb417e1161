"""The command that trains a model for its format, with options of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from toolchain.cli.options import (
    DataOption,
    ModelArgument,
    ModelReading,
    NameOption,
    OutOption,
    Quantization,
    RepresentativeOption,
    default_out,
    make_job,
    output_of,
    with_common_options,
    with_reading,
)

FormatOption = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="To tune for: int8, int4, kmeans6 to kmeans2, ternary or binary."),
]
RecipeOption = Annotated[
    Path | None, typer.Option("--recipe", metavar="FILE", help="Formats layer by layer: a .toml file.")
]
EpochsOption = Annotated[int, typer.Option("--epochs", metavar="N", min=1, max=10_000, help="Passes over the samples.")]
RateOption = Annotated[
    float | None,
    typer.Option(
        "--learning-rate",
        metavar="RATE",
        min=1e-7,
        max=1.0,
        help="Of the first step, falls to zero; default: 0.004 for ternary and binary, else 0.001.",
    ),
]
BatchOption = Annotated[int, typer.Option("--batch-size", metavar="N", min=1, help="Samples for one step.")]
BinaryInputsOption = Annotated[
    bool, typer.Option("--binary-inputs", help="Layers with binary weights read signs: multiplied in bits.")
]
SeedOption = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Equal seeds give equal models.")]


@with_common_options
@with_reading
def finetune(
    ctx: typer.Context,
    model: ModelArgument,
    reading: ModelReading,
    data: DataOption = None,
    format_: FormatOption = None,
    recipe: RecipeOption = None,
    binary_inputs: BinaryInputsOption = False,
    epochs: EpochsOption = 20,
    learning_rate: RateOption = None,
    batch_size: BatchOption = 32,
    seed: SeedOption = 0,
    representative: RepresentativeOption = None,
    name: NameOption = None,
    out: OutOption = None,
) -> None:
    """Train a float model on for the few weight values of a format; deploy takes what comes out.

    The data is --data's x_train and y_train, else its calibration samples; without labels the float model teaches.
    """
    folder = out or default_out(model, name, "finetune")
    typed = Quantization(format=format_, recipe=recipe)
    job = make_job(
        model, "host", typed, reading=reading, data=data, representative=representative, name=name, out=folder
    )
    output = output_of(ctx)
    progress = output.progress()
    with progress.step("Starting TensorFlow"):
        from toolchain.finetune.run import finetune as train
        from toolchain.finetune.training import Options
    from toolchain.cli import tables

    result = train(job, Options(epochs, learning_rate, batch_size, seed, binary_inputs), progress)
    output.result(result, lambda: tables.tuned(result))
