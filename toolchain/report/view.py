"""What the terminal and the page both say about a report: shares, ratios, sentences and number formats.

Nothing is converted between units. Milliseconds appear only beside the clock that they were computed with.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolchain.results import (
    CYCLES_MEASURED,
    CYCLES_MODELLED,
    HOST_NS,
    INSTRUCTIONS,
    Accuracy,
    Latency,
    LayerResult,
    Report,
    Score,
)

_SOURCES = {
    CYCLES_MEASURED: "the core's cycle counter on silicon",
    CYCLES_MODELLED: "a cycle model over the emulated instructions, not silicon",
    INSTRUCTIONS: "exact count of instructions executed by the emulator; not cycles",
    HOST_NS: "wall clock of this computer; says nothing of a microcontroller",
}
_SHORT = {CYCLES_MEASURED: "cycles", CYCLES_MODELLED: "cycles", INSTRUCTIONS: "instructions", HOST_NS: "ns"}
_METRICS = {"accuracy": "accuracy", "auc": "area under the ROC curve", "mse": "mean squared error"}
_ENERGIES = {"chip": "the chip, running", "operations": "arithmetic and data alone, 45 nm"}
METHODS = {
    "Flash": "image of the deployed ELF: .text + .rodata + .data, serial protocol included",
    "RAM": ".data + .bss of the same ELF: arena, input, output and all scratch; UART frame buffers apart",
    "Stack": "high-water mark of a painted stack, read from the board after the inferences",
    "Energy": "modelled, never measured; the chip: cycles times typical run current times voltage; arithmetic and "
    "data: operations and bytes of the layers, each byte moved once, what a format needs at least",
    "Accuracy": "the evaluation set sent to the board, every output read back",
    "Exactness": "every output code of the board compared with the reference's",
}


@dataclass(frozen=True)
class LatencyRow:
    """``milliseconds`` and ``clock`` are set only where the unit is a cycle of a known clock, or host time."""

    unit: str
    source: str
    median: str
    span: str
    n: int
    milliseconds: str | None
    clock: str | None


@dataclass(frozen=True)
class EnergyRow:
    what: str
    microjoules: str
    source: str


@dataclass(frozen=True)
class LayerRow:
    """``name`` lists all fused layers, ``short`` the first. ``kernel`` is the operator and its variant, ``share`` a
    fraction of the sum over the layers, ``per_mac`` in ``unit`` / MAC; None where unknown."""

    index: int
    name: str
    short: str
    kernel: str
    macs: int
    unit: str | None
    value: int | None
    share: float | None
    per_mac: float | None
    flash_bytes: int


@dataclass(frozen=True)
class ScoreRow:
    where: str
    text: str
    difference: str


def count(value: float) -> str:
    """A number with thousands separators; a median of two samples keeps its half."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def size(nbytes: int) -> str:
    """Bytes, with KiB from 1 KiB on."""
    return f"{nbytes:,} B" if nbytes < 1024 else f"{nbytes:,} B ({nbytes / 1024:.1f} KiB)"


def arena_gap(arena: int, lower_bound: int) -> str:
    """How far an arena is from the least that any placement of its buffers needs, as far as that is known."""
    if arena <= lower_bound:
        return "none, proven optimal"
    return f"at most {arena - lower_bound:,} B ({percent(arena / lower_bound - 1)})"


def percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def short_unit(unit: str) -> str:
    """The unit as a column head, without its source."""
    return _SHORT[unit]


def latency_rows(report: Report) -> tuple[LatencyRow, ...]:
    return tuple(_latency_row(latency) for latency in report.latency)


def _latency_row(latency: Latency) -> LatencyRow:
    milliseconds = clock = None
    if latency.clock_hz and latency.unit in (CYCLES_MEASURED, CYCLES_MODELLED):
        milliseconds = _milliseconds(1e3 * latency.median / latency.clock_hz)
        clock = f"{latency.clock_hz / 1e6:g} MHz"
    elif latency.unit == HOST_NS:
        milliseconds = _milliseconds(latency.median / 1e6)
    span = "all alike" if latency.min == latency.max else f"{count(latency.min)} to {count(latency.max)}"
    return LatencyRow(
        unit=latency.unit,
        source=_SOURCES[latency.unit],
        median=count(latency.median),
        span=span,
        n=len(latency.samples),
        milliseconds=milliseconds,
        clock=clock,
    )


def _milliseconds(value: float) -> str:
    return f"{value:.3g} ms" if value < 100 else f"{value:,.0f} ms"


def energy_rows(report: Report) -> tuple[EnergyRow, ...]:
    return tuple(EnergyRow(_ENERGIES[e.model], microjoules(e.microjoules), e.source) for e in report.energy)


def chip_energy(report: Report) -> str | None:
    """What the chip takes, None where no model of it applies."""
    return next((microjoules(e.microjoules) for e in report.energy if e.model == "chip"), None)


def microjoules(value: float) -> str:
    """Three digits: a model is not better than that."""
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def layer_rows(report: Report) -> tuple[LayerRow, ...]:
    """The layers with their share of the sum over the layers timed in the same unit."""
    totals: dict[str, int] = {}
    for layer in report.layers:
        if layer.unit is not None and layer.value is not None:
            totals[layer.unit] = totals.get(layer.unit, 0) + layer.value
    return tuple(_layer_row(i, layer, totals) for i, layer in enumerate(report.layers))


def _layer_row(index: int, layer: LayerResult, totals: dict[str, int]) -> LayerRow:
    share = per_mac = None
    if layer.unit is not None and layer.value is not None:
        share = layer.value / totals[layer.unit] if totals[layer.unit] else 0.0
        per_mac = layer.value / layer.macs if layer.macs else None
    return LayerRow(
        index=index,
        name=" + ".join(layer.name) or layer.op,
        short=f"{layer.name[0]} +{len(layer.name) - 1}" if len(layer.name) > 1 else layer.name[0],
        kernel=f"{layer.op}, {layer.kernel}" if layer.kernel else layer.op,
        macs=layer.macs,
        unit=layer.unit,
        value=layer.value,
        share=share,
        per_mac=per_mac,
        flash_bytes=layer.flash_bytes,
    )


def layer_unit(report: Report) -> str | None:
    """The unit of the layers' values, None where no layer was timed."""
    return next((layer.unit for layer in report.layers if layer.unit), None)


def metric_name(report: Report) -> str:
    return _METRICS.get(report.accuracy.metric, report.accuracy.metric)


def score_rows(report: Report) -> tuple[ScoreRow, ...]:
    """Float model, quantized model on the host, device: those that were computed, with the step from float."""
    accuracy: Accuracy = report.accuracy
    device = "virtual board" if report.target.virtual else "board"
    if report.target.core == "host":
        device = "generated C on this computer"
    stages = (
        ("float model", accuracy.float),
        ("reference, host" if _stays_float(report) else "quantized, host", accuracy.quantized_host),
        (device, accuracy.device),
    )
    return tuple(
        ScoreRow(where, _score(score), "" if score is accuracy.float else _difference(score, accuracy.float))
        for where, score in stages
        if score is not None
    )


def _stays_float(report: Report) -> bool:
    return report.quantization is not None and report.quantization.settings.get("activations") == "float32"


def _score(score: Score) -> str:
    if score.total is not None and score.correct is not None:
        return f"{100 * score.correct / score.total:.2f} % ({score.correct:,} of {score.total:,})"
    return "undefined" if score.value is None else f"{score.value:.4g}"


def _difference(score: Score, reference: Score | None) -> str:
    if reference is None:
        return ""
    if score.total and reference.total and score.correct is not None and reference.correct is not None:
        points = 100 * (score.correct / score.total - reference.correct / reference.total)
        return f"{points:+.2f} points"
    if score.value is not None and reference.value is not None:
        return f"{score.value - reference.value:+.4g}"
    return ""


def quantization(report: Report) -> str | None:
    """One sentence: who made the integers, in which formats and how; None for a model that came with them."""
    found = report.quantization
    if found is None:
        return None
    layers: dict[str, list[str]] = {}
    for layer, name in found.weights.items():
        layers.setdefault(name, []).append(layer)
    common = max(layers, key=lambda name: len(layers[name]), default="no")
    others = [f"{name} in {', '.join(of)}" for name, of in layers.items() if name != common]
    settings = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in found.settings.items())
    formats = "; ".join([f"{common} weights", *others])
    if _stays_float(report):
        return f"Not quantized: {formats}, float32 activations"
    return f"Quantized by {found.quantizer}: {formats}" + (f" ({settings})" if settings else "")


def exactness(report: Report) -> str | None:
    """One sentence, None where nothing was compared."""
    found = report.exactness
    if found is None:
        return None
    if found.differing == 0:
        return f"Exact: none of {found.codes:,} output codes differs from {found.reference}."
    return f"{found.differing:,} of {found.codes:,} output codes differ from {found.reference}."


def board_sentence(report: Report) -> str:
    """Says plainly what the numbers come from."""
    target = report.target
    if target.core == "host":
        return "No board: the generated C ran as a process of this computer. Its times say nothing of a board."
    if target.virtual:
        return (
            f"Virtual board: the firmware ran on an emulated {target.core} behind {target.port}, not on silicon. "
            "Sizes and outputs are those of the real image; latency is counted or modelled, never measured."
        )
    return f"Real board: the firmware ran on a {target.core} at {target.port}."
