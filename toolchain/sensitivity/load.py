"""From what the user names to a float network with the samples it is judged by."""

from __future__ import annotations

import dataclasses
from typing import Any

from toolchain.data import load_data
from toolchain.errors import ModelError
from toolchain.front import open_source, samples_of
from toolchain.importers.reading import Reading
from toolchain.progress import Progress
from toolchain.sensitivity.floats import FloatNetwork, network


def load_network(
    model: Any,
    data: str | None,
    representative: str | None,
    limit: int | None,
    name: str | None,
    progress: Progress,
    reading: Reading | None = None,
) -> FloatNetwork:
    """The float model and the first ``limit`` representative samples. Raises UserError."""
    source = open_source(model, progress, reading)
    if source.float_model is None:
        raise ModelError(f"{source.where} has integers already", "Give the float model, which formats are made from.")
    found = load_data(data, source.float_model.inputs, representative, None, progress)
    net = network(source.float_model, samples_of(found.x_calib), found.y_calib, limit)
    return dataclasses.replace(net, name=name or net.name)
