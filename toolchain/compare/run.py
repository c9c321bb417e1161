"""Deploys every candidate and measures it.

Sizes and latency come from the board, real or virtual. So do the outputs of a few samples, which are compared with
those of the same generated C built for this computer; that process then runs all the samples for the accuracy.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from toolchain import __version__, metrics
from toolchain.assess import evaluation_inputs, real_values
from toolchain.budget import Budget
from toolchain.compare.candidates import Candidate
from toolchain.compare.results import (
    Comparison,
    Measured,
    Row,
    Verified,
    merit_of,
    row_from_json,
    row_json,
    short_reason,
)
from toolchain.compile import compile_model, compiled_for
from toolchain.data import Dataset, load_data
from toolchain.energy import energies
from toolchain.errors import DataError, ModelError, UserError
from toolchain.firmware import build_firmware
from toolchain.front import AnyFloatModel, Quantized, metric_of, open_source, samples_of
from toolchain.graph import Array
from toolchain.job import Job
from toolchain.measuring import evaluate, time_model
from toolchain.output import KeptFolder
from toolchain.pipeline import find_board, write_image
from toolchain.ports import PortChoice
from toolchain.progress import Progress
from toolchain.quantize.recipe import recipe_to_dict
from toolchain.reporting import public_url
from toolchain.results import Score
from toolchain.target import load_target

VERIFIED_SAMPLES = 4
_FLOAT_TOLERANCE = 1e-4  # compilers may contract, and libraries' functions differ in the last bits


def compare(
    job: Job, chosen: Sequence[Candidate], folder: KeptFolder, progress: Progress, verify: int = VERIFIED_SAMPLES
) -> Comparison:
    """A row for each of ``chosen``; those that ``folder`` has from an earlier run of the same job are not run again.

    Raises UserError when the model, the data or the board cannot be used at all, or no candidate can run.
    """
    choice = find_board(dataclasses.replace(job, out=None), progress)
    model, data = _opened(job, progress)
    print_of = _fingerprint(job, model, data, verify)
    rows = []
    for number, candidate in enumerate(chosen, start=1):
        progress.info(f"{number} of {len(chosen)}: {candidate.name}")
        key = hashlib.sha256(f"{print_of} {_described(candidate)}".encode()).hexdigest()
        rows.append(_kept(folder, candidate, key) or _fresh(job, candidate, key, folder, choice, verify, progress))
        if rows[-1].reason:
            progress.note(f"{candidate.name}: {short_reason(rows[-1].reason)}")
    if not any(row.measured for row in rows):
        raise ModelError(f"no format could be measured: {rows[0].reason}", "Mend this one first.")
    x = [a[: job.limit] for a in samples_of(data.x_test)]
    metric, merit = _float_merit(job, model, data, x, progress)
    return Comparison(
        model=job.name or model.name,
        target=job.target.name,
        core=job.target.core,
        port=public_url(choice),
        virtual=choice.virtual,
        metric=metric,
        samples=len(x[0]),
        float_merit=merit,
        rows=tuple(rows),
    )


def _opened(job: Job, progress: Progress) -> tuple[AnyFloatModel, Dataset]:
    source = open_source(job.model, progress, job.reading)
    if source.float_model is None:
        raise ModelError(f"{source.where} has integers already", "Give the float model, which formats are made from.")
    data = load_data(job.data, source.float_model.inputs, job.representative, job.evaluation, progress)
    if data.x_test is None:
        raise DataError("there are no samples to compare by", "Give data with x_test and y_test (--data).")
    return source.float_model, data


def _fingerprint(job: Job, model: AnyFloatModel, data: Dataset, verify: int) -> str:
    digest = hashlib.sha256(model.sha256.encode())
    for values in (data.x_calib, data.y_calib, data.x_test, data.y_test):
        for array in samples_of(values):
            digest.update(np.ascontiguousarray(array).tobytes())
    settings = (__version__, dataclasses.asdict(job.budget), job.port, job.flasher, job.runs, job.limit, verify)
    digest.update(f"{settings} {job.target.model_dump_json()}".encode())
    return digest.hexdigest()


def _described(candidate: Candidate) -> str:
    tuned = ""
    if candidate.tuned is not None:
        path = Path(candidate.tuned)
        tuned = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else candidate.tuned
    recipe = None if candidate.recipe is None else recipe_to_dict(candidate.recipe)
    return json.dumps([candidate.quantizer, recipe, tuned], sort_keys=True)


def _file(candidate: Candidate) -> str:
    safe = "".join(c if c.isalnum() or c in ".-" else "-" for c in candidate.name)
    return f"rows/{safe}.json"


def _kept(folder: KeptFolder, candidate: Candidate, key: str) -> Row | None:
    text = folder.read(_file(candidate))
    try:
        table = json.loads(text) if text else {}
        return row_from_json(table["row"]) if table.get("key") == key else None
    except (ValueError, KeyError, TypeError):
        return None


def _fresh(
    job: Job,
    candidate: Candidate,
    key: str,
    folder: KeptFolder,
    choice: PortChoice,
    verify: int,
    progress: Progress,
) -> Row:
    try:
        row = Row(candidate.name, measured(_job_of(job, candidate), choice, verify, progress))
    except UserError as e:
        # Not kept: what is missing may be there next time.
        return Row(candidate.name, None, e.problem)
    folder.write(_file(candidate), json.dumps({"key": key, "row": row_json(row)}, indent=1) + "\n")
    return row


def _job_of(job: Job, candidate: Candidate) -> Job:
    model = job.model if candidate.tuned is None else candidate.tuned
    return dataclasses.replace(
        job, model=model, quantizer=candidate.quantizer, recipe=candidate.recipe, out=None, name=job.name
    )


def measured(job: Job, choice: PortChoice, verify: int, progress: Progress) -> Measured:
    """Deploy ``job`` on the board at ``choice`` and measure it. Raises UserError when it cannot run or does not fit."""
    compiled = compile_model(job, progress)
    ident = compiled.model.ident
    codes = evaluation_inputs(compiled.model, job.limit)
    few = [x[:verify] for x in codes]
    with tempfile.TemporaryDirectory(prefix="mcuforge-") as name:
        firmware = build_firmware(job, compiled, Path(name), progress)
        write_image(job, firmware, choice, progress)
        timing = time_model(choice, job.target, ident.sha256, ident.name, [x[0] for x in codes], job.runs, progress)
        from_board = evaluate(choice, job.target, ident.sha256, ident.name, few, progress)
    if not timing.latency:
        raise ModelError("nothing counts this board's time: " + "; ".join(timing.notes), "Run mcuforge doctor.")
    outputs = _on_this_computer(job, compiled.model, codes, progress)
    score = _score(compiled.model, outputs[0], len(codes[0])) or Score()
    latency = timing.latency[0]
    return Measured(
        sha256=ident.sha256,
        flash_bytes=firmware.flash,
        ram_bytes=firmware.ram,
        unit=latency.unit,
        latency=latency.median,
        clock_hz=latency.clock_hz,
        energy=energies(compiled.plan, job.target, timing.latency),
        verified=_verified(from_board, outputs, len(few[0])),
        layers=dict(compiled.model.method.weights) if compiled.model.method else {},
        notes=timing.notes,
        correct=score.correct,
        total=score.total,
        value=score.value,
    )


def _on_this_computer(job: Job, model: Quantized, codes: Sequence[Array], progress: Progress) -> list[Array]:
    """The outputs of the generated C as a process of this computer, with the portable kernels."""
    host = dataclasses.replace(job, target=load_target("host"), sanitize=False)
    compiled = compiled_for(host.target, model, Budget(), Progress())
    with tempfile.TemporaryDirectory(prefix="mcuforge-") as name:
        firmware = build_firmware(host, compiled, Path(name), Progress())
        choice = PortChoice(f"host://{firmware.elf.absolute()}", "a process of this computer")
        return evaluate(choice, host.target, model.ident.sha256, model.ident.name, codes, progress)


def _verified(board: Sequence[Array], host: Sequence[Array], samples: int) -> Verified:
    differing = 0
    for a, b in zip(board, host, strict=True):
        same = np.isclose(a, b[:samples], _FLOAT_TOLERANCE, _FLOAT_TOLERANCE) if a.dtype.kind == "f" else None
        differing += int((a != b[:samples]).sum() if same is None else (~same).sum())
    return Verified(samples, sum(int(a.size) for a in board), differing)


def _score(model: Quantized, outputs: Array, count: int) -> Score | None:
    metric = metric_of(model.graph, model.data, count)
    if metric == metrics.NONE:
        return None
    x = samples_of(model.data.x_test)
    y = None if model.data.y_test is None else model.data.y_test[:count]
    return metrics.score(metric, real_values(model.graph, outputs), y, x[0][:count])


def _float_merit(
    job: Job, model: AnyFloatModel, data: Dataset, x: Sequence[Array], progress: Progress
) -> tuple[str, float | None]:
    """The metric, and what the float model reaches by it."""
    y = None if data.y_test is None else data.y_test[: job.limit]
    with progress.step("Running the float model"):
        values = model.predict(list(x))
    metric = metrics.choose_metric(y, x[0].shape[1:], values.shape[1:])
    found = metrics.score(metric, values, y, x[0])
    return metric, merit_of(found, metric) if found else None
