"""The way from what the user names to an int8 graph: model file, data, quantization, checks."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolchain import metrics
from toolchain.budget import Budget
from toolchain.codegen import ModelId
from toolchain.data import Dataset, load_data
from toolchain.errors import DataError, ModelError
from toolchain.graph import Array, Graph
from toolchain.importers.converted import CONVERTERS, check_suffix
from toolchain.importers.float_model import FloatModel, Port
from toolchain.importers.float_tflite import FloatTflite, is_float_tflite, load_float_tflite
from toolchain.importers.keras_files import sha256_of
from toolchain.importers.python_object import is_object_spec
from toolchain.importers.reading import Reading, reading_from
from toolchain.importers.signatures import signatures_of
from toolchain.importers.tflite import parse_tflite
from toolchain.importers.tflite_forms import usual_form
from toolchain.job import Job
from toolchain.passes import clean
from toolchain.passes.by_type import for_types
from toolchain.progress import Progress
from toolchain.quantize.check import broken_parameters, check_quantized, check_representative, float_islands
from toolchain.quantize.methods import (
    MCUFORGE,
    Method,
    check_choice,
    method_from_json,
    method_of,
    quantizer_of,
    stays_float,
)
from toolchain.verify import check_graph, check_supported, counted, refusals

BUILD_FILE = "build.json"
TFLITE_FILE = "model.tflite"
ELF_FILE = "firmware.elf"

AnyFloatModel = FloatModel | FloatTflite


@dataclass(frozen=True, eq=False)
class Source:
    """A model as it was given: a float one, or the ``content`` of an integer one."""

    name: str
    where: str
    float_model: AnyFloatModel | None = None
    content: bytes | None = None


@dataclass(frozen=True, eq=False)
class Quantized:
    """An int8 model and what it is measured with.

    ``tflite`` is the quantized flatbuffer that ``graph`` was read from; ``float_model`` is None where only that is
    known. ``elf`` is the firmware of an earlier build, made within ``budget``, when the job named its folder.
    ``method`` says how the integers were made; None for a model that came with them.
    """

    ident: ModelId
    tflite: bytes
    graph: Graph
    data: Dataset
    float_model: AnyFloatModel | None = None
    elf: Path | None = None
    budget: Budget | None = None
    method: Method | None = None


def prepare(job: Job, progress: Progress) -> Quantized:
    """Load, quantize and check the job's model. Raises UserError."""
    check_choice(job)
    folder = build_folder(job.model)
    if folder is not None:
        _check_unquantized(job, str(folder))
        return _from_build(job, folder, progress)
    source = open_source(job.model, progress, job.reading)
    name = job.name or source.name
    if source.content is not None:
        _check_unquantized(job, source.where)
        graph = checked_graph(parse_tflite(source.content, name, source.where), source.where)
        data = load_data(job.data, input_ports(graph), job.representative, job.evaluation, progress)
        _check_labels(graph, data, job)
        return Quantized(_ident(name, source.where, source.content), source.content, graph, data)
    model = source.float_model
    assert model is not None
    data = load_data(job.data, model.inputs, job.representative, job.evaluation, progress)
    content = _quantize(source, samples_of(data.x_calib), job, progress)
    graph = checked_graph(parse_tflite(content, name, source.where), source.where)
    if not stays_float(job):
        check_quantized(graph)
        if floats := float_islands(graph):
            progress.note(f"the converter has no integers for all of {', '.join(floats)}: these compute in float32 too")
    _check_labels(graph, data, job)
    ident = _ident(name, source.where, content)
    return Quantized(ident, content, graph, data, model, method=method_of(job, graph))


def describe(job: Job, progress: Progress) -> tuple[ModelId, Graph]:
    """The job's graph for looking at: it may hold operators that cannot run.

    A float model without data is quantized with random samples: the structure is right, the ranges mean nothing.
    """
    check_choice(job)
    folder = build_folder(job.model)
    source = open_source(folder / TFLITE_FILE if folder else job.model, progress, job.reading)
    name = job.name or source.name
    content = source.content
    if content is not None:
        _check_unquantized(job, source.where)
    else:
        model = source.float_model
        assert model is not None
        data = load_data(job.data, model.inputs, job.representative, job.evaluation, progress)
        calibration = samples_of(data.x_calib)
        if not calibration and not stays_float(job):
            progress.note("no representative samples: random ones set the ranges, look at the structure only")
            rng = np.random.default_rng(0)
            calibration = [rng.standard_normal((32, *p.shape[1:])).astype(p.dtype) for p in model.inputs]
        content = _quantize(source, calibration, job, progress)
    parsed = parse_tflite(content, name, source.where)
    return _ident(name, source.where, content), for_types(parsed if broken_parameters(parsed) else clean(parsed))


def open_source(model: Any, progress: Progress, reading: Reading | None = None) -> Source:
    """Read what the user named, whatever it is."""
    reading = reading or Reading()
    if isinstance(model, (str, Path)) and Path(model).suffix.lower() == ".tflite":
        return _open_tflite(Path(model), reading, progress)
    if isinstance(model, (str, Path)) and not is_object_spec(str(model)):
        check_suffix(Path(model))
        if Path(model).suffix.lower() in CONVERTERS:
            return _open_converted(Path(model), reading, progress)
    from toolchain.importers.keras import load_keras

    with progress.step("Loading the model"):
        loaded = load_keras(model, reading)
    return Source(loaded.name, loaded.source, loaded)


def checked_graph(parsed: Graph, where: str) -> Graph:
    """The graph after the cleaning passes. Raises ModelError when something in it cannot run."""
    if broken := broken_parameters(parsed):
        lines = [problem for problems in broken.values() for problem in problems]
        lines += counted(refusals(for_types(parsed), broken))
        raise ModelError(f"{where}: broken quantization:\n  " + "\n  ".join(lines), "convert the model to int8 again")
    graph = for_types(clean(parsed))
    check_supported(graph, where)
    check_graph(graph)
    return graph


def build_folder(model: Any) -> Path | None:
    """The folder that ``deploy`` wrote, when the model names one."""
    if isinstance(model, (str, Path)) and (Path(model) / BUILD_FILE).is_file():
        return Path(model)
    return None


def input_ports(graph: Graph) -> tuple[Port, ...]:
    """The inputs as a user fills them: real values for quantized tensors, sample by sample.

    What has no batch dimension, a step of a signal for one, gets one here.
    """
    tensors = [graph.tensor(n) for n in graph.inputs]
    shapes = [t.shape if t.shape[:1] == (1,) else (1, *t.shape) for t in tensors]
    return tuple(
        Port(graph.port(t.name), s, "float32" if t.quant else t.dtype) for t, s in zip(tensors, shapes, strict=True)
    )


def metric_of(graph: Graph, data: Dataset, limit: int | None) -> str:
    """The metric for the first output on the first ``limit`` test samples. Raises DataError for unfit labels."""
    x = samples_of(data.x_test)
    if not x:
        return metrics.NONE
    shape = graph.tensor(graph.outputs[0]).shape
    y = None if data.y_test is None else data.y_test[:limit]
    return metrics.choose_metric(y, x[0].shape[1:], shape[1:] if shape[:1] == (1,) else shape)


def _calibration_of(job: Job) -> str:
    """Where the representative samples come from, for messages."""
    return f"{job.representative or job.data}"


def samples_of(x: Array | Sequence[Array] | None) -> list[Array]:
    """One array for each input, samples first; empty when there are none."""
    if x is None:
        return []
    return [x] if isinstance(x, np.ndarray) else list(x)


def _open_tflite(path: Path, reading: Reading, progress: Progress) -> Source:
    try:
        content = path.read_bytes()
    except OSError as e:
        raise ModelError(f"{path}: cannot be read: {e.strerror}", "Check the path.") from e
    content = usual_form(content, str(path), reading)
    parse_tflite(content, path.stem, str(path))  # proves that the file is whole before anything else reads it
    if reading.signature is None and len(names := signatures_of(content)) > 1:
        progress.note(f"{path} has the signatures {', '.join(names)}; this is {names[0]} (another one: --signature)")
    if not is_float_tflite(content):
        return Source(path.stem, str(path), content=content)
    model = load_float_tflite(path, content)
    if integers := [name for name in model.stored if name != "float16"]:
        progress.note(
            f"{path}: its weights are stored as {' and '.join(integers)}; the float model is what these stand for in "
            "float32, without the rounding of activations that TFLite's hybrid kernels add"
        )
    return Source(path.stem, str(path), model)


def _open_converted(path: Path, reading: Reading, progress: Progress) -> Source:
    """A model of another framework, by way of a float ``.tflite``."""
    if not path.is_file():
        raise ModelError(f"there is no model {path}", "Check the path.")
    with progress.step("Converting the model"):
        content = CONVERTERS[path.suffix.lower()](path, reading)
    content = usual_form(content, str(path), Reading())
    parse_tflite(content, path.stem, str(path))
    if not is_float_tflite(content):
        return Source(path.stem, str(path), content=content)
    return Source(path.stem, str(path), dataclasses.replace(load_float_tflite(path, content), sha256=sha256_of(path)))


def _check_unquantized(job: Job, where: str) -> None:
    """ModelError when a quantizer was chosen for a model that has integers already."""
    if job.quantizer == MCUFORGE:
        raise ModelError(
            f"{where} is quantized already", "leave --quantizer, --format and --recipe out, or give the float model"
        )


def _check_labels(graph: Graph, data: Dataset, job: Job) -> None:
    """Labels that do not fit are told now, not when everything has been measured."""
    with _about(f"{job.evaluation or job.data}, y_test"):
        metric_of(graph, data, job.limit)


@contextmanager
def _about(where: str) -> Iterator[None]:
    """Say in a DataError which data it is about."""
    try:
        yield
    except DataError as e:
        raise DataError(f"{where}: {e.problem}", e.hint) from e


def _quantize(source: Source, calibration: list[Array], job: Job, progress: Progress) -> bytes:
    assert source.float_model is not None
    if stays_float(job):
        return quantizer_of(source.float_model, job)(source.float_model, calibration, progress)
    if not calibration:
        raise DataError(
            f"{source.where}: quantization needs representative samples and there are none",
            "Give data with x_calib (--data) or samples alone (--representative).",
        )
    with _about(_calibration_of(job)):
        check_representative(calibration, source.float_model.inputs, progress)
    return quantizer_of(source.float_model, job)(source.float_model, calibration, progress)


def _from_build(job: Job, folder: Path, progress: Progress) -> Quantized:
    """The model as it was built; the float model is loaded again when it can still be found."""
    try:
        facts = json.loads((folder / BUILD_FILE).read_text())
        name, where, spec = str(facts["name"]), str(facts["source"]), facts["model"]
        budget = Budget(**facts["budget"])
        made = facts.get("quantization")
        reading = reading_from(facts.get("reading", {}))
        method = None if made is None else method_from_json(made, str(folder / BUILD_FILE))
        content = (folder / TFLITE_FILE).read_bytes()
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ModelError(f"{folder}: not a complete build: {e}", "Build it again: mcuforge deploy") from e
    graph = checked_graph(parse_tflite(content, name, str(folder / TFLITE_FILE)), str(folder / TFLITE_FILE))
    wants_float = job.data is not None or job.evaluation is not None
    found = bool(spec) and (is_object_spec(str(spec)) or Path(spec).exists())
    model = open_source(spec, progress, reading).float_model if wants_float and found else None
    ports = model.inputs if model is not None else input_ports(graph)
    data = load_data(job.data, ports, job.representative, job.evaluation, progress)
    _check_labels(graph, data, job)
    return Quantized(_ident(name, where, content), content, graph, data, model, folder / ELF_FILE, budget, method)


def _ident(name: str, where: str, content: bytes) -> ModelId:
    return ModelId(name, Path(where).name, hashlib.sha256(content).hexdigest())
