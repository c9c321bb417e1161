"""Every format of three networks on the virtual board: ``python -m benchmarks.tradeoffs [NAME ...] [--draw]``

What ``mcuforge compare`` finds for the digits example, whose training data are there, so that formats of few bits are
fine-tuned too, and for two networks of MLPerf Tiny on their real data (``MCUFORGE_REFERENCE``). The figures are stored
as JSON, with a page of tables and the Pareto plots. Rows are kept in ``mcuforge-out`` as they are measured: a run that
was interrupted goes on. ``--draw`` measures nothing and makes page and plots of the stored figures.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.board_run import TARGET, version_in, virtual_port
from benchmarks.models import VARIABLE
from benchmarks.program import exit_with
from benchmarks.record import RESULTS
from benchmarks.tables import NONE, number, table
from toolchain.build import compiler_command
from toolchain.compare.candidates import DEFAULT_FORMATS, candidates
from toolchain.compare.results import Comparison, Measured, row_from_json, short_reason
from toolchain.compare.run import compare
from toolchain.compare.write import SVG_TEMPLATE, lines, plots
from toolchain.errors import DataError, ToolError
from toolchain.job import Job
from toolchain.output import KeptFolder
from toolchain.progress import Progress
from toolchain.report import picture
from toolchain.target import load_target
from toolchain.versions import first_line_of
from toolchain.virtual.qemu import find_qemu

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "digits" / "build"
FOLDER = RESULTS / "tradeoffs"
PAGE = RESULTS / "tradeoffs.md"
KEPT = ROOT / "mcuforge-out"
VERIFIED = 10

HEAD = """# Formats compared on the virtual board
Made by `python -m benchmarks.tradeoffs`; do not edit. `mcuforge compare` with its default options and {verified}
verified samples, on the emulated {core} (target `{target}`), gcc {compiler}, QEMU {qemu}.
[Which format?](../../docs/compare.md) says where each number comes from.

- Accuracy: all test samples, run by the generated C on the computer; 95 % interval by Wilson; points against the float
  model.
- Flash, RAM and cycles: the firmware that was flashed and ran. **Cycles are modelled**, not measured, without wait
  states; milliseconds are those cycles at {clock:g} MHz.
- Energy is modelled, never measured. Chip: {chip}. Operations: {operations}.
- Differing: output values of the board for {verified} samples that are not those of the C on the computer (integers:
  code by code; floats: beyond 1e-4).
- `int8:tflite` is quantized by TFLiteConverter, all other rows by mcuforge's post-training methods (below int8:
  least squares, first and last layer int8); rows "tuned" by `mcuforge finetune` before that. Bold rows are on a Pareto
  front: no other row is at least as good in accuracy and in latency (L) or flash (F), and better in one.
"""


@dataclass(frozen=True)
class Network:
    """``tuned`` are the formats that it is fine-tuned for, where training data are there."""

    what: str
    model: Path
    data: Path
    tuned: tuple[str, ...] = ()


def networks(environment: Mapping[str, str] = os.environ) -> dict[str, Network]:
    """All of them; those of MLPerf Tiny without the variable point to files that are not there."""
    reference = Path(environment.get(VARIABLE, f"${VARIABLE}"))
    models, data = reference / "models", reference / "data"
    ic = "MLPerf Tiny's image classification: ResNet-8, 500 images of CIFAR-10, 200 others to calibrate"
    kws = "MLPerf Tiny's keyword spotting: DS-CNN, 500 keywords, 100 others to calibrate"
    return {
        "digits": Network(
            "The example of this repository: 8x8 handwritten digits, 360 to test, 100 others to calibrate",
            EXAMPLE / "digits.keras",
            EXAMPLE / "digits.npz",
            ("kmeans2", "ternary", "binary"),
        ),
        "ic_resnet8": Network(ic, models / "ic_resnet8.h5", data / "ic_cifar10.npz"),
        "kws_dscnn": Network(kws, models / "kws_dscnn_savedmodel", data / "kws_mfcc.npz"),
    }


# ---- measuring -------------------------------------------------------------------------------------------------------
def measure(name: str, network: Network, progress: Progress) -> Comparison:
    """Every format of ``network`` on the virtual board. Raises UserError for what is missing on this machine."""
    for path in (network.model, network.data):
        if not path.exists():
            raise DataError(
                f"{name}: there is no {path}",
                f"Set {VARIABLE} to the folder of the reference models and data, or run examples/digits/train.py.",
            )
    target = load_target(TARGET)
    tuned = {fmt: str(_tuned(name, network, fmt)) for fmt in network.tuned}
    job = Job(str(network.model), target, data=str(network.data), name=name, port=virtual_port(target).url, runs=2)
    folder = KeptFolder(KEPT / f"tradeoffs-{name}")
    return compare(job, candidates(DEFAULT_FORMATS, tuned), folder, progress, VERIFIED)


def _tuned(name: str, network: Network, format_name: str) -> Path:
    """The model that ``mcuforge finetune`` makes with its default options, kept for the next run."""
    folder = KEPT / f"tradeoffs-{name}-{format_name}"
    model = folder / f"{name}.keras"
    if not model.is_file():
        command = [sys.executable, "-m", "toolchain", "finetune", str(network.model), "--data", str(network.data)]
        # The command itself, as the page says; what training leaves in memory ends with its process.
        done = subprocess.run([*command, "--format", format_name, "--out", str(folder)], check=False)
        if done.returncode:
            raise ToolError(f"{name} could not be tuned for {format_name}", "The lines above say why.")
    return model


def tools() -> dict[str, str]:
    """Versions of what decides the figures."""
    target = load_target(TARGET)
    compiler, qemu = compiler_command(target), find_qemu(target)
    return {
        "compiler": version_in(first_line_of([compiler, "--version"])),
        "qemu": version_in(first_line_of([qemu, "--version"])),
    }


# ---- the files -------------------------------------------------------------------------------------------------------
def store(name: str, found: Comparison, folder: Path = FOLDER) -> None:
    """The figures as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"tools": tools(), **found.to_json()}
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def stored(name: str, folder: Path = FOLDER) -> tuple[Comparison, dict[str, str]] | None:
    """What ``store`` wrote, with the tools' versions; None where nothing is stored."""
    path = folder / f"{name}.json"
    if not path.is_file():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    target = document["target"]
    found = Comparison(
        model=document["model"],
        target=target["name"],
        core=target["core"],
        port=target["port"],
        virtual=target["virtual"],
        metric=document["metric"],
        samples=document["samples"],
        float_merit=document["float"],
        rows=tuple(row_from_json(row) for row in document["rows"]),
    )
    return found, document["tools"]


def draw(name: str, found: Comparison, folder: Path = FOLDER) -> None:
    """Accuracy against latency and against flash, as SVG."""
    for title, plot in plots(found).items():
        kind = title.removeprefix("compare-")
        (folder / f"{name}-{kind}.svg").write_text(picture.svg(SVG_TEMPLATE, alone=True, plot=plot), encoding="utf-8")


def text(folder: Path = FOLDER) -> str:
    """The page of all that is stored."""
    all_stored = {name: kept for name in networks() if (kept := stored(name, folder))}
    if not all_stored:
        raise DataError(f"nothing is stored in {folder}", "Run python -m benchmarks.tradeoffs first.")
    found, versions = next(iter(all_stored.values()))
    target = load_target(found.target)
    assert target.board.clock_hz is not None
    energy = {e.model: e.source for row in found.rows if row.measured for e in row.measured.energy}
    head = HEAD.format(
        verified=VERIFIED,
        core=found.core,
        target=found.target,
        clock=target.board.clock_hz / 1e6,
        chip=energy["chip"],
        operations=energy["operations"],
        **versions,
    )
    return "\n".join([head, *(_section(name, kept) for name, (kept, _) in all_stored.items())])


def _section(name: str, found: Comparison) -> str:
    head = (
        "format", "accuracy %", "95 %", "points", "flash B", "RAM B", "cycles (modelled)", "ms", "uJ chip",
        "uJ operations", "differing", "front",
    )  # fmt: skip
    fronts = {"L": found.front("latency"), "F": found.front("flash_bytes")}
    rows = []
    for row, line in zip(found.rows, lines(found), strict=True):
        on = " ".join(letter for letter, names in fronts.items() if row.name in names)
        if row.measured is None:
            rows.append((row.name, short_reason(row.reason), *[NONE] * (len(head) - 2)))
            continue
        cells = (line.merit, line.interval, line.drop, line.flash, line.ram, line.latency, line.time, line.chip)
        label = f"**{row.name}**" if on else row.name
        rows.append((label, *cells, line.operations, _differing(row.measured), on))
    plotted = "\n".join(
        f"![{name}: {plot.title}](tradeoffs/{name}-{title.removeprefix('compare-')}.svg)\n"
        for title, plot in plots(found).items()
    )
    reached = NONE if found.float_merit is None else f"{found.float_merit:.2f} %"
    what = networks()[name].what
    return f"## {name}\n{what}. Float model: {reached}.\n\n{table(head, rows, left=1)}\n\n{plotted}"


def _differing(measured: Measured) -> str:
    return f"{measured.verified.differing} of {number(measured.verified.codes)}"


class _Lines(Progress):
    def info(self, text: str) -> None:
        print(text, flush=True)

    def note(self, text: str) -> None:
        print(text, flush=True)


def run(arguments: Sequence[str]) -> int:
    """Exit code 0, or 1 when a format could not be measured or an output differs. Raises UserError."""
    every = networks()
    parser = argparse.ArgumentParser(prog="tradeoffs", description="Measure every format of three networks.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(every)}; default: all")
    parser.add_argument("--draw", action="store_true", help="measure nothing, draw what is stored")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in every]
    if unknown:
        raise DataError(f"there is no network {unknown[0]!r}", f"Choose among {', '.join(every)}.")
    failed = False
    for name in options.names or every:
        if not options.draw:
            store(name, measure(name, every[name], _Lines()))
        kept = stored(name)
        if kept is None:
            raise DataError(f"nothing is stored of {name}", "Measure it: leave --draw out.")
        draw(name, kept[0])
        failed |= any(row.measured is None or row.measured.verified.differing for row in kept[0].rows)
    PAGE.write_text(text(), encoding="utf-8")
    return int(failed)


if __name__ == "__main__":
    exit_with(run)
