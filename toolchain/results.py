"""What a run produces: the values behind the terminal table, report.json and report.html.

``to_json`` gives the contract that ``toolchain/report/report.schema.json`` describes.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "mcuforge-report/1"

CYCLES_MEASURED = "cycles (measured)"
CYCLES_MODELLED = "cycles (modelled)"
INSTRUCTIONS = "instructions (emulated)"
HOST_NS = "ns (host)"
MICROJOULES = "uJ (modelled)"
UNITS = (CYCLES_MEASURED, CYCLES_MODELLED, INSTRUCTIONS, HOST_NS)


@dataclass(frozen=True)
class ModelInfo:
    """``sha256`` is of the quantized model as compiled; the firmware carries the same."""

    name: str
    sha256: str
    macs: int
    parameters: int


@dataclass(frozen=True)
class TargetInfo:
    name: str
    core: str
    port: str
    virtual: bool


@dataclass(frozen=True)
class Memory:
    """Bytes. ``ram_bytes`` is .data + .bss without the UART frame buffers; ``flash_bytes`` the image.

    ``stack_bytes`` is the high-water mark read from the board, None where nothing was run. No placement of the arena's
    buffers takes less than ``arena_lower_bound``; None where that is not known. ``update_bytes`` are the image's as it
    is sent over the air, compressed; None where nothing is flashed.
    """

    flash_bytes: int
    ram_bytes: int
    arena_bytes: int
    stack_bytes: int | None = None
    uart_buffer_bytes: int = 0
    arena_lower_bound: int | None = None
    update_bytes: int | None = None


@dataclass(frozen=True)
class Latency:
    """Samples of one inference in one unit; ``clock_hz`` only where the unit is a cycle of that clock."""

    unit: str
    samples: tuple[int, ...]
    clock_hz: int | None = None

    @property
    def min(self) -> int:
        return min(self.samples)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def max(self) -> int:
        return max(self.samples)


@dataclass(frozen=True)
class Energy:
    """Modelled microjoules of one inference. ``model`` is ``chip`` or ``operations`` (see ``energy.py``).

    ``source`` names where its prices come from.
    """

    model: str
    microjoules: float
    source: str


@dataclass(frozen=True)
class LayerResult:
    """One kernel call. ``name`` has several entries where layers of the model were fused."""

    name: tuple[str, ...]
    op: str
    kernel: str
    macs: int
    unit: str | None
    value: int | None
    flash_bytes: int


@dataclass(frozen=True)
class Score:
    """``correct`` of ``total`` for a classifier, ``value`` for any other metric."""

    correct: int | None = None
    total: int | None = None
    value: float | None = None


@dataclass(frozen=True)
class Accuracy:
    """``metric`` is accuracy, auc, mse or none; a score is None where it was not computed."""

    metric: str
    float: Score | None = None
    quantized_host: Score | None = None
    device: Score | None = None


@dataclass(frozen=True)
class Exactness:
    """Output codes of the device compared with ``reference``'s, one by one."""

    reference: str
    codes: int
    differing: int


@dataclass(frozen=True)
class QuantizationInfo:
    """``weights`` has the format of each layer with weights, by name; ``settings`` what the quantizer was told."""

    quantizer: str
    weights: Mapping[str, str]
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    model: ModelInfo
    target: TargetInfo
    memory: Memory
    latency: tuple[Latency, ...] = ()
    layers: tuple[LayerResult, ...] = ()
    accuracy: Accuracy = field(default_factory=lambda: Accuracy("none"))
    exactness: Exactness | None = None
    tools: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    quantization: QuantizationInfo | None = None
    energy: tuple[Energy, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values, valid against the schema."""
        latency = [
            {
                "unit": s.unit,
                "min": s.min,
                "median": s.median,
                "max": s.max,
                "n": len(s.samples),
                "clock_hz": s.clock_hz,
            }
            for s in self.latency
        ]
        layers = []
        for layer in self.layers:
            entry = dataclasses.asdict(layer)
            entry["name"] = layer.name[0] if len(layer.name) == 1 else list(layer.name)
            layers.append(entry)
        return {
            "schema": SCHEMA,
            "model": dataclasses.asdict(self.model),
            "target": dataclasses.asdict(self.target),
            "memory": dataclasses.asdict(self.memory),
            "latency": latency,
            "energy": [{**dataclasses.asdict(e), "unit": MICROJOULES} for e in self.energy],
            "layers": layers,
            "accuracy": {
                "metric": self.accuracy.metric,
                "float": _score(self.accuracy.float),
                "quantized_host": _score(self.accuracy.quantized_host),
                "device": _score(self.accuracy.device),
            },
            "exactness": dataclasses.asdict(self.exactness) if self.exactness else None,
            "tools": dict(self.tools),
            "notes": list(self.notes),
            "quantization": dataclasses.asdict(self.quantization) if self.quantization else None,
        }


def _score(score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    if score.total is not None:
        return {"correct": score.correct, "total": score.total}
    return {"value": score.value}
