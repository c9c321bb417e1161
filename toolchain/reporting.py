"""Measures a firmware and puts the results together."""

from __future__ import annotations

from pathlib import Path

from toolchain.assess import assess, evaluation_inputs, sample_inputs
from toolchain.build import Firmware
from toolchain.compile import Compiled
from toolchain.energy import energies
from toolchain.flashers.image_file import compressed
from toolchain.inspection import total_macs, total_parameters
from toolchain.job import Job
from toolchain.measuring import Timing, evaluate, time_model
from toolchain.plan import Plan
from toolchain.ports import PortChoice
from toolchain.progress import Progress
from toolchain.report.writer import write_report
from toolchain.results import LayerResult, Memory, ModelInfo, QuantizationInfo, Report, TargetInfo
from toolchain.versions import tool_versions


def measured_report(
    job: Job,
    compiled: Compiled,
    firmware: Firmware,
    choice: PortChoice,
    folder: Path,
    progress: Progress,
    accuracy: bool = True,
) -> Report:
    """Latency, and with ``accuracy`` the outputs for the evaluation set; in ``folder`` too when the job keeps it."""
    ident = compiled.model.ident
    inputs = sample_inputs(compiled.model)
    timing = time_model(choice, job.target, ident.sha256, ident.name, inputs, job.runs, progress)
    report = _report(job, compiled, firmware, choice, timing)
    if accuracy:
        codes = evaluation_inputs(compiled.model, job.limit)
        outputs = evaluate(choice, job.target, ident.sha256, ident.name, codes, progress)
        report = assess(report, compiled.model, codes, outputs, progress)
    if job.out is not None:
        write_report(report, folder)
    return report


def _report(job: Job, compiled: Compiled, firmware: Firmware, choice: PortChoice, timing: Timing) -> Report:
    plan, ident, graph = compiled.plan, compiled.model.ident, compiled.model.graph
    return Report(
        model=ModelInfo(ident.name, ident.sha256, total_macs(graph), total_parameters(graph)),
        target=TargetInfo(job.target.name, job.target.core, public_url(choice), choice.virtual),
        memory=Memory(
            flash_bytes=firmware.flash,
            ram_bytes=firmware.ram,
            arena_bytes=plan.memory.arena_bytes,
            stack_bytes=timing.stack,
            uart_buffer_bytes=firmware.uart_buffer,
            arena_lower_bound=plan.memory.lower_bound,
            update_bytes=None if firmware.image is None else len(compressed(firmware.image)),
        ),
        latency=timing.latency,
        energy=energies(plan, job.target, timing.latency),
        layers=_layers(plan, firmware, timing),
        tools=_tools(job, compiled, firmware, choice),
        notes=(*compiled.notes, *timing.notes),
        quantization=_quantization(compiled),
    )


def _quantization(compiled: Compiled) -> QuantizationInfo | None:
    method = compiled.model.method
    return QuantizationInfo(method.quantizer, method.weights, method.settings) if method else None


def _tools(job: Job, compiled: Compiled, firmware: Firmware, choice: PortChoice) -> dict[str, str]:
    versions = tool_versions(job.target, firmware, compiled.model, choice.virtual)
    solver = compiled.plan.memory.solver
    return {**versions, "solver": solver} if solver else versions


def _layers(plan: Plan, firmware: Firmware, timing: Timing) -> tuple[LayerResult, ...]:
    rows = zip(plan.layers, firmware.layer_flash, timing.layers, strict=True)
    return tuple(
        LayerResult(
            name=layer.names,
            op=layer.op,
            kernel=layer.kernel,
            macs=layer.macs,
            unit=timing.layer_unit,
            value=value,
            flash_bytes=flash_bytes,
        )
        for layer, flash_bytes, value in rows
    )


def public_url(choice: PortChoice) -> str:
    """The port for the report; a host executable's path is nobody's business."""
    return "host process" if choice.url.startswith("host://") else choice.url
