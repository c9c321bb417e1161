"""Figures of docs/quantization.md and docs/compare.md, from the digits example: ``python -m benchmarks.quantization``.

``examples/digits/train.py`` makes the model and its data. What is drawn is what the quantizer computes: its histograms,
observers and weight formats and ``mcuforge sensitivity`` are called, nothing is imitated. The Pareto plots are made by
``benchmarks.tradeoffs``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np

from toolchain.errors import UserError
from toolchain.graph import Array, Graph
from toolchain.importers.keras import load_keras
from toolchain.importers.tflite import parse_tflite
from toolchain.passes import clean
from toolchain.progress import Progress
from toolchain.quantize import grid
from toolchain.quantize.converter import convert
from toolchain.quantize.float_run import run_samples
from toolchain.quantize.histogram import Histogram
from toolchain.quantize.observers import OBSERVERS
from toolchain.quantize.recipe import layers_with_weights
from toolchain.quantize.weights import as_rows, coded
from toolchain.report import picture
from toolchain.sensitivity import measure
from toolchain.sensitivity.load import load_network
from toolchain.sensitivity.measure import Sensitivity
from toolchain.sensitivity.write import SVG_TEMPLATE, heat

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "digits" / "build"
IMAGES = ROOT / "docs" / "images"
WEIGHTS_LAYER, VALUES_LAYER = "wide_pointwise", "stem"
FORMATS = ("int8", "int4", "kmeans3", "kmeans2", "ternary", "binary")
SAMPLES = 100
_BARS, _RULES = "#9ec1f7", "#d1652b"


def main() -> None:
    try:
        draw(EXAMPLE / "digits.keras", EXAMPLE / "digits.npz", IMAGES)
    except UserError as e:
        print(f"Error: {e.problem}\n{e.hint}".rstrip(), file=sys.stderr)
        sys.exit(2)


def draw(model: Path, data: Path, folder: Path) -> None:
    """Figures of single tensors and of all layers, as SVG. Raises UserError for what is missing."""
    found = measure.sensitivity(
        load_network(str(model), str(data), None, None, None, Progress()), measure.DEFAULT_FORMATS, Progress()
    )
    _save(_errors(found), folder / "error-per-layer.svg")
    (folder / "sensitivity.svg").write_text(picture.svg(SVG_TEMPLATE, alone=True, plot=heat(found)), encoding="utf-8")
    content = convert(load_keras(model))
    parsed = parse_tflite(content, model.stem, str(model))
    graph = clean(parsed)
    _save(_grids(_ratios(graph)), folder / "weights-and-grids.svg")
    with np.load(data) as arrays:
        samples = arrays["x_calib"][:SAMPLES]
    _save(_ranges(_observed(content, parsed, graph, samples)), folder / "activations-and-ranges.svg")


def _layer(graph: Graph, name: str) -> Any:
    return next(node for node in layers_with_weights(graph) if name in node.layers)


# ---- weights and the values that formats have for them ---------------------------------------------------------------
def _ratios(graph: Graph) -> Array:
    """(channels, weights of a channel), each channel divided by its largest magnitude."""
    data = graph.tensor(_layer(graph, WEIGHTS_LAYER).inputs[1]).data
    assert data is not None
    rows = as_rows(data, 0)
    ratios: Array = rows / np.abs(rows).max(axis=1, keepdims=True)
    return ratios


def _grids(ratios: Array) -> Any:
    """A histogram for each format in the format's own unit, the scale of the channel, with its levels as rules."""
    charts = [_grid(ratios, name) for name in FORMATS]
    rows = [alt.hconcat(*charts[i : i + 3]) for i in range(0, len(charts), 3)]
    return alt.vconcat(*rows).properties(
        title=alt.Title(
            f"Weights of {WEIGHTS_LAYER} in units of their channel's scale (bars), and the format's codes (lines)",
            subtitle="dB: signal to quantization noise of these weights",
        )
    )


def _grid(ratios: Array, name: str) -> Any:
    made = coded(ratios, name, np.ones(1))
    units = (ratios / made.scale[:, None]).reshape(-1)
    error = float(((ratios - made.values) ** 2).sum() / (ratios**2).sum())
    counts, edges = np.histogram(units, bins=48)
    bars = [{"low": lo, "high": hi, "n": int(n)} for lo, hi, n in zip(edges[:-1], edges[1:], counts, strict=True)]
    levels = np.unique(made.codes)
    shown = levels if len(levels) <= 16 else levels[:: len(levels) // 16]  # 255 rules would be one area
    x = alt.X("low:Q", bin="binned", title=None, axis=alt.Axis(tickCount=6), scale=alt.Scale(nice=False))
    histogram = (
        alt.Chart(alt.InlineData(values=bars))
        .mark_bar(color=_BARS)
        .encode(x=x, x2="high:Q", y=alt.Y("n:Q", title="weights" if name in FORMATS[::3] else None))
    )
    rules = alt.Chart(alt.InlineData(values=[{"at": int(v)} for v in shown])).mark_rule(color=_RULES).encode(x="at:Q")
    some = " (some drawn)" if len(shown) < len(levels) else ""
    text = f"{name}: {len(levels)} codes in use{some}, {-10 * np.log10(error):.1f} dB"
    return alt.layer(histogram, rules).properties(width=210, height=110, title=alt.Title(text, fontWeight="normal"))


# ---- activations and the ranges that observers take ------------------------------------------------------------------
def _observed(content: bytes, parsed: Graph, graph: Graph, samples: Array) -> tuple[Histogram, Mapping[str, Any]]:
    """The histogram of a layer's outputs, and the range of each observer, all from one pass."""
    histogram, observers = Histogram(), {name: make() for name, make in OBSERVERS.items()}
    name = _layer(graph, VALUES_LAYER).outputs[0]
    for fetch in run_samples(content, parsed, [samples], "the digits example"):
        values = fetch(name)
        histogram.add(values)
        for observer in observers.values():
            observer.observe(values)
    return histogram, {n: observer.range() for n, observer in observers.items()}


def _bars(histogram: Histogram, bins: int = 96) -> Iterator[Mapping[str, float]]:
    at = np.linspace(histogram.low, histogram.high, bins + 1)
    index = np.clip(np.searchsorted(at, histogram.centers) - 1, 0, bins - 1)
    counts = np.bincount(index, histogram.counts, bins)
    for low, high, n in zip(at[:-1], at[1:], counts, strict=True):
        if n:
            yield {"low": low, "high": high, "n": float(n)}


def _ranges(seen: tuple[Histogram, Mapping[str, Any]]) -> Any:
    histogram, ranges = seen
    ends = []
    for name, (low, high) in ranges.items():
        used = grid.affine(low, high)
        left = histogram.centers - grid.values(grid.codes(histogram.centers, used), used)
        error = float(histogram.counts @ left**2 / (histogram.counts @ histogram.centers**2))
        ends.append({"calibration": name, "high": high, "text": f"{name}: {high:.2f}, {-10 * np.log10(error):.1f} dB"})
    x = alt.X("low:Q", bin="binned", title=f"output of {VALUES_LAYER} (zeros left out)", scale=alt.Scale(nice=False))
    bars = (
        alt.Chart(alt.InlineData(values=list(_bars(histogram))))
        .mark_bar(color=_BARS)
        .encode(
            x=x,
            x2="high:Q",
            y=alt.Y(
                "n:Q",
                title="values in the bin",
                scale=alt.Scale(type="symlog", domainMax=10_000),
                axis=alt.Axis(values=[0, 1, 10, 100, 1000, 10_000]),
            ),
        )
    )
    order = [e["text"] for e in sorted(ends, key=lambda e: e["high"])]
    rules = (
        alt.Chart(alt.InlineData(values=ends))
        .mark_rule(strokeWidth=2)
        .encode(x="high:Q", color=alt.Color("text:N", title="upper end of the range, SQNR", sort=order))
    )
    return alt.layer(bars, rules).properties(width=560, height=200)


# ---- noise, layer by layer -------------------------------------------------------------------------------------------
def _errors(found: Sensitivity) -> Any:
    """SQNR of each layer's output when its own weights alone are in a format; a line for each format."""
    rows = [
        {"layer": row.name, "format": name, "dB": row.cells[name].sqnr}
        for row in found.rows
        for name in found.formats
        if row.cells[name].sqnr is not None
    ]
    means = {name: float(np.mean([r["dB"] for r in rows if r["format"] == name])) for name in found.formats}
    order = sorted(means, key=lambda name: -means[name])
    layers = [row.name for row in found.rows]
    legend = alt.Legend(title="weights of the layer", symbolType="stroke", symbolStrokeWidth=3)
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(point=True)
        .encode(
            x=alt.X("layer:N", sort=layers, title=None, axis=alt.Axis(labelAngle=-25)),
            y=alt.Y("dB:Q", title="SQNR of the layer's output, dB"),
            color=alt.Color("format:N", sort=order, scale=alt.Scale(scheme="turbo"), legend=legend),
        )
        .properties(width=560, height=260)
    )


def _save(chart: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    chart = (
        chart.configure(aria=False)
        .configure_view(stroke=None)
        .configure_axis(grid=False, domainColor="#888", tickColor="#888")
    )
    chart.save(str(path))


if __name__ == "__main__":
    main()
