"""The rows of a comparison, and their plain forms: JSON, which is also what a resumed run reads, and CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from toolchain import metrics
from toolchain.report.scatter import pareto
from toolchain.results import MICROJOULES, Energy, Score

SCHEMA = "mcuforge-compare/1"


def merit_of(score: Score, metric: str) -> float | None:
    """What more of is better: per cent correct, AUC, or minus the mean squared error; None for none of them."""
    if score.correct is not None and score.total:
        return 100 * score.correct / score.total
    if score.value is None:
        return None
    return -score.value if metric == metrics.MSE else score.value


@dataclass(frozen=True)
class Verified:
    """So many samples ran on the board and gave so many codes, of which ``differing`` are not those of the host."""

    samples: int
    codes: int
    differing: int


@dataclass(frozen=True)
class Measured:
    """One format on the target. Bytes; ``latency`` in ``unit``, and ``clock_hz`` where that is a cycle.

    ``correct`` of ``total`` for a classifier, ``value`` for any other metric. ``layers`` are the weights' formats.
    """

    sha256: str
    flash_bytes: int
    ram_bytes: int
    unit: str
    latency: float
    clock_hz: int | None
    energy: tuple[Energy, ...]
    verified: Verified
    correct: int | None = None
    total: int | None = None
    value: float | None = None
    layers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of the accuracy, with 95 % confidence; None for other metrics."""
        if self.correct is None or not self.total:
            return None
        return metrics.wilson(self.correct, self.total)

    @property
    def milliseconds(self) -> float | None:
        return 1e3 * self.latency / self.clock_hz if self.clock_hz else None

    def merit(self, metric: str) -> float | None:
        """``merit_of`` its score."""
        return merit_of(Score(self.correct, self.total, self.value), metric)


@dataclass(frozen=True)
class Row:
    """``measured``, or the ``reason`` why there is nothing: the format cannot run, or does not fit."""

    name: str
    measured: Measured | None = None
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """``float_merit`` is the float model's on the same samples, as ``Measured.merit`` counts; None without labels."""

    model: str
    target: str
    core: str
    port: str
    virtual: bool
    metric: str
    samples: int
    float_merit: float | None
    rows: tuple[Row, ...]

    def front(self, cost: str) -> set[str]:
        """Names of the rows that no other one beats in merit and in ``latency`` or ``flash_bytes``."""
        found = self.points(cost)
        kept = pareto([(x, y) for _, x, y in found])
        return {name for (name, _, _), keep in zip(found, kept, strict=True) if keep}

    def points(self, cost: str) -> list[tuple[str, float, float]]:
        """(name, cost, merit) of the rows that have both."""
        return [
            (row.name, float(getattr(row.measured, cost)), merit)
            for row in self.rows
            if row.measured is not None and (merit := row.measured.merit(self.metric)) is not None
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "model": self.model,
            "target": {"name": self.target, "core": self.core, "port": self.port, "virtual": self.virtual},
            "metric": self.metric,
            "samples": self.samples,
            "float": self.float_merit,
            "pareto": {"latency": sorted(self.front("latency")), "flash": sorted(self.front("flash_bytes"))},
            "rows": [row_json(row) for row in self.rows],
        }


def short_reason(text: str) -> str:
    """The first line, and the second where it is the first of a list."""
    first, *more = text.splitlines() or [""]
    if not more:
        return first
    return f"{first}: {more[0].strip()}" + (" and so on" if len(more) > 1 else "")


def row_json(row: Row) -> dict[str, Any]:
    if row.measured is None:
        return {"name": row.name, "reason": row.reason}
    found = dataclasses.asdict(row.measured)
    found["energy"] = [{**e, "unit": MICROJOULES} for e in found["energy"]]
    found["interval"] = row.measured.interval
    return {"name": row.name, **found}


def row_from_json(table: Mapping[str, Any]) -> Row:
    """The inverse of ``row_json``. KeyError or TypeError for what is not one."""
    values = {k: v for k, v in table.items() if k not in ("name", "interval")}
    if "reason" in values:
        return Row(table["name"], None, str(values["reason"]))
    energy = tuple(Energy(e["model"], e["microjoules"], e["source"]) for e in values.pop("energy"))
    verified = Verified(**values.pop("verified"))
    notes = tuple(values.pop("notes"))
    return Row(table["name"], Measured(**values, energy=energy, verified=verified, notes=notes))


_COLUMNS = (
    *("format", "metric", "score", "correct", "total", "low", "high", "flash_bytes", "ram_bytes"),
    *("latency", "unit", "milliseconds", "chip_uJ_modelled", "operations_uJ_modelled"),
    *("verified_samples", "differing_codes", "on_front_latency", "on_front_flash", "reason"),
)


def to_csv(found: Comparison) -> str:
    """One line for each row; what is not known is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    latency, flash = found.front("latency"), found.front("flash_bytes")
    for row in found.rows:
        cells: dict[str, Any] = {"format": row.name, "metric": found.metric, "reason": short_reason(row.reason)}
        if row.measured is not None:
            cells |= _cells(row.measured)
            cells |= {"on_front_latency": int(row.name in latency), "on_front_flash": int(row.name in flash)}
        writer.writerow({name: "" if value is None else value for name, value in cells.items()})
    return out.getvalue()


def _cells(m: Measured) -> dict[str, Any]:
    low, high = m.interval or (None, None)
    joules = {e.model: e.microjoules for e in m.energy}
    share = m.correct / m.total if m.correct is not None and m.total else m.value
    return {
        "score": share,
        "correct": m.correct,
        "total": m.total,
        "low": low,
        "high": high,
        "flash_bytes": m.flash_bytes,
        "ram_bytes": m.ram_bytes,
        "latency": m.latency,
        "unit": m.unit,
        "milliseconds": m.milliseconds,
        "chip_uJ_modelled": joules.get("chip"),
        "operations_uJ_modelled": joules.get("operations"),
        "verified_samples": m.verified.samples,
        "differing_codes": m.verified.differing,
    }
