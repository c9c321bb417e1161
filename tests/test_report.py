"""report.json obeys its schema; report.html stands alone and holds every number; nothing is half-written."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

import toolchain.report
from toolchain.errors import UserError
from toolchain.report import view, writer
from toolchain.report.html import render_html
from toolchain.report.terminal import print_report
from toolchain.results import (
    CYCLES_MEASURED,
    CYCLES_MODELLED,
    HOST_NS,
    INSTRUCTIONS,
    UNITS,
    Accuracy,
    Energy,
    Exactness,
    Latency,
    LayerResult,
    Memory,
    ModelInfo,
    QuantizationInfo,
    Report,
    Score,
    TargetInfo,
)

LAYERS = (
    LayerResult(("conv2d", "re_lu"), "conv2d", "portable", 36_864, CYCLES_MODELLED, 181_222, 512),
    LayerResult(("depthwise",), "depthwise_conv2d", "row_blocked", 73_728, CYCLES_MODELLED, 402_310, 1_400),
    LayerResult(("pool",), "max_pool2d", "", 0, CYCLES_MODELLED, 20_133, 90),
)
FULL = Report(
    model=ModelInfo("digits", "4f1c" * 16, 110_592, 4_210),
    target=TargetInfo("stm32", "Cortex-M4F", "virtual://stm32f405", True),
    memory=Memory(18_244, 3_120, 2_304, 412, 600),
    latency=(
        Latency(CYCLES_MODELLED, (604_001, 604_003), 168_000_000),
        Latency(INSTRUCTIONS, (521_111, 521_113, 521_117)),
    ),
    layers=LAYERS,
    accuracy=Accuracy("accuracy", Score(352, 360), Score(351, 360), Score(350, 360)),
    exactness=Exactness("the host", 3_600, 0),
    energy=(Energy("chip", 474.57, "cycles at 40 mA and 3.3 V: a data sheet"), Energy("operations", 0.0731, "a paper")),
    tools={"mcuforge": "0.1.0", "qemu-system-arm": "7.2.22"},
    notes=("The representative set has 20 samples.",),
    quantization=QuantizationInfo(
        "mcuforge", {"conv2d": "int8", "depthwise": "int4", "dense": "int4"}, {"calibration": "percentile"}
    ),
)
BARE = Report(
    model=ModelInfo("m", "0" * 64, 0, 0),
    target=TargetInfo("host", "host", "process", False),
    memory=Memory(1, 1, 0),
    accuracy=Accuracy("none"),
)
VALUES = dataclasses.replace(FULL, accuracy=Accuracy("auc", Score(value=0.8812), None, Score(value=0.8799)))


def schema() -> dict[str, Any]:
    path = Path(toolchain.report.__file__).with_name("report.schema.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def text_of(report: Report, width: int = 120) -> str:
    out = io.StringIO()
    print_report(report, Console(file=out, width=width))
    return out.getvalue()


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


@pytest.mark.parametrize("report", [FULL, BARE, VALUES], ids=["full", "bare", "values"])
def test_report_json_is_valid(report: Report) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(writer.report_json(report)), schema())


def test_schema_knows_every_unit_and_no_other() -> None:
    assert schema()["$defs"]["unit"]["enum"] == list(UNITS)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "mcuforge-report/2"),
        (("extra",), 1),
        (("model", "extra"), 1),
        (("model", "sha256"), "xyz"),
        (("memory", "flash_bytes"), -1),
        (("memory", "ram_bytes"), 1.5),
        (("target", "virtual"), "yes"),
        (("latency", 0, "unit"), "cycles"),
        (("latency", 0, "n"), 0),
        (("layers", 0, "unit"), "ms"),
        (("layers", 0, "extra"), 0),
        (("accuracy", "metric"), "f1"),
        (("accuracy", "device"), {"correct": 1}),
        (("accuracy", "device"), {"correct": 1, "total": 2, "value": 0.5}),
        (("exactness", "differing"), None),
        (("tools", "gcc"), 12),
        (("notes",), "one"),
    ],
)
def test_schema_refuses(path: tuple[str | int, ...], value: object) -> None:
    document: Any = json.loads(writer.report_json(FULL))
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())


def test_every_key_is_required() -> None:
    document = json.loads(writer.report_json(FULL))
    for key in document:
        rest = {k: v for k, v in document.items() if k != key}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(rest, schema())


@pytest.mark.parametrize("report", [FULL, BARE, VALUES], ids=["full", "bare", "values"])
def test_page_is_well_formed_and_fetches_nothing(report: Report) -> None:
    html = render_html(report)
    page = _Page(html)
    assert page.open == []
    assert html.startswith("<!doctype html>")
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed", "base"}
    for _, attrs in page.tags:
        assert not attrs.keys() & {"src", "href", "srcset", "action"}
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert "@import" not in html


def test_page_holds_every_number() -> None:
    text = _Page(render_html(FULL)).text
    for number in ("110,592", "4,210", "18,244", "3,120", "2,304", "412", "600", "604,002", "604,001", "604,003"):
        assert number in text
    for layer in LAYERS:
        assert " + ".join(layer.name) in text
        assert (f"{layer.op}, {layer.kernel}" if layer.kernel else layer.op) in text
        assert f"{layer.macs:,}" in text
        assert f"{layer.value:,}" in text
        assert f"{layer.flash_bytes:,} B" in text
    for wanted in ("97.78 % (352 of 360)", "97.50 % (351 of 360)", "97.22 % (350 of 360)", "-0.56 points"):
        assert wanted in text
    for wanted in (
        "521,113",
        "521,111 to 521,117",
        "30.0 %",
        "66.6 %",
        "3.3 %",
        "3,600",
        "168 MHz",
        "7.2.22",
        "4f1c" * 16,
    ):
        assert wanted in text
    assert FULL.notes[0] in text


def test_bars_are_to_scale() -> None:
    widths = [float(w) for w in re.findall(r'class="bar" width="([\d.]+)"', render_html(FULL))]
    longest = max(layer.value or 0 for layer in LAYERS)
    assert widths == pytest.approx([1000 * (layer.value or 0) / longest for layer in LAYERS], abs=0.05)


def test_names_are_escaped() -> None:
    evil = dataclasses.replace(
        FULL,
        model=dataclasses.replace(FULL.model, name="<script>alert(1)</script>"),
        layers=(dataclasses.replace(LAYERS[0], name=("a<b>&",)),),
    )
    assert "<script" not in render_html(evil)
    assert "a<b>" not in render_html(evil)
    assert "[bold]x" in text_of(dataclasses.replace(FULL, notes=("[bold]x",)))


def test_a_page_has_no_date_and_is_reproducible() -> None:
    assert render_html(FULL) == render_html(FULL)


@pytest.mark.parametrize("width", [80, 120])
def test_terminal_says_what_was_measured_and_where(width: int) -> None:
    text = re.sub(r"\s+", " ", text_of(FULL, width))
    assert "Virtual board" in text
    assert "not on silicon" in text
    for wanted in ("604,002", "3.6 ms at 168 MHz", "521,113", "18,244 B", "66.6 %", "97.22 % (350 of 360)", "5.46"):
        assert wanted in text
    assert "Exact: none of 3,600 output codes differs from the host." in text


def test_the_gap_of_the_arena_is_told() -> None:
    wide = dataclasses.replace(FULL, memory=dataclasses.replace(FULL.memory, arena_lower_bound=2_000))
    proven = dataclasses.replace(FULL, memory=dataclasses.replace(FULL.memory, arena_lower_bound=2_304))
    for render in (text_of, render_html):
        assert "2,000 B" in render(wide)
        assert "at most 304 B (15.2 %)" in render(wide)
        assert "none, proven optimal" in render(proven)
        assert "ower bound" not in render(FULL)


def test_terminal_warns_of_differing_codes() -> None:
    wrong = dataclasses.replace(FULL, exactness=Exactness("the host", 3_600, 7))
    assert "7 of 3,600 output codes differ from the host." in text_of(wrong)


def test_terminal_leaves_out_what_was_not_done() -> None:
    text = text_of(BARE)
    for absent in ("Latency", "Layers", "Accuracy", "Virtual board"):
        assert absent not in text
    assert "No board" in text


def test_only_cycles_of_a_known_clock_become_milliseconds() -> None:
    def row(latency: Latency) -> view.LatencyRow:
        return view.latency_rows(dataclasses.replace(FULL, latency=(latency,)))[0]

    measured = row(Latency(CYCLES_MEASURED, (168_000,), 168_000_000))
    assert (measured.milliseconds, measured.clock) == ("1 ms", "168 MHz")
    assert row(Latency(CYCLES_MODELLED, (168_000,))).milliseconds is None
    assert row(Latency(INSTRUCTIONS, (168_000,), 168_000_000)).milliseconds is None
    assert row(Latency(HOST_NS, (2_500_000,))).milliseconds == "2.5 ms"


def test_shares_add_up() -> None:
    shares = [row.share or 0 for row in view.layer_rows(FULL)]
    assert sum(shares) == pytest.approx(1)


def test_write_report_writes_both(tmp_path: Path) -> None:
    writer.write_report(FULL, tmp_path / "new" / "out")
    assert {p.name for p in (tmp_path / "new" / "out").iterdir()} == {"report.json", "report.html"}


def test_a_failed_write_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.write_report(FULL, tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    full_disk = OSError(28, "No space left on device")

    def fail(*args: object, **kwargs: object) -> int:
        raise full_disk

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(UserError, match="No space left") as caught:
        writer.write_report(BARE, tmp_path)
    assert caught.value.hint
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_an_unwritable_place_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write the report"):
        writer.write_report(FULL, tmp_path / "file" / "out")


def test_the_formats_of_the_weights_are_told() -> None:
    sentence = "Quantized by mcuforge: int4 weights; int8 in conv2d (calibration: percentile)"
    assert view.quantization(FULL) == sentence
    assert view.quantization(BARE) is None
    assert sentence in text_of(FULL)
    assert sentence in render_html(FULL)
