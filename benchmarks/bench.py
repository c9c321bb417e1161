"""The benchmark: ``python -m benchmarks.bench``, or ``make bench`` and ``make bench-check``.

Measures the five MLPerf Tiny models on the virtual board and stores the figures, or compares them with the stored ones.
With ``TFLM_DIR`` and ``CMSIS_NN_DIR`` it builds and measures TFLM with CMSIS-NN in the same run.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.compare import Comparison, compare
from benchmarks.measure import measure_set
from benchmarks.models import REFERENCE, SETS, available_sets
from benchmarks.peer.checkouts import CMSIS_NN_VARIABLE, TFLM_VARIABLE, find_checkouts
from benchmarks.peer.measure import measure_peers
from benchmarks.performance import write_page
from benchmarks.program import exit_with
from benchmarks.record import RESULTS, Record, load, stored_file, to_text
from benchmarks.tables import page
from toolchain.errors import UserError
from toolchain.progress import Progress


class _Lines(Progress):
    def info(self, text: str) -> None:
        print(text, flush=True)


def write(record: Record, folder: Path = RESULTS) -> None:
    """The record, its tables and its picture in ``folder``."""
    from benchmarks.plot import save_plot

    peers = record.peers
    folder.mkdir(parents=True, exist_ok=True)
    save_plot(record, peers, folder / f"{record.set}.svg")
    (folder / f"{record.set}.md").write_text(page(record, peers), encoding="utf-8")
    stored_file(record.set, folder).write_text(to_text(record), encoding="utf-8")
    if record.set == REFERENCE and folder == RESULTS:
        write_page()


def told(which: str, comparison: Comparison) -> Iterator[str]:
    """The comparison, line by line."""
    if comparison.reason:
        yield f"{which}: speed is not compared: {comparison.reason}"
    yield from (f"{which}: {line}" for line in (*comparison.changes, *comparison.failures))
    if not (comparison.reason or comparison.changes or comparison.failures):
        yield f"{which}: nothing has changed"


def _stored(which: str) -> Record | None:
    """The figures that will be replaced, for telling what changed; an older format is no reason not to replace it."""
    try:
        return load(which)
    except UserError:
        return None


def run(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Exit code 0, or 1 when a model is inexact or, in a check, slower. Raises UserError for what the user can mend."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the five MLPerf Tiny models.")
    parser.add_argument("--check", action="store_true", help="compare with the stored figures and store nothing")
    parser.add_argument("--set", choices=SETS, help="one set only (all that are there)")
    options = parser.parse_args(arguments)
    checkouts = find_checkouts(environment)
    if checkouts and options.check:
        raise UserError(
            f"a check measures no peer, which {TFLM_VARIABLE} and {CMSIS_NN_VARIABLE} ask for",
            "Unset them, or run make bench.",
        )
    failed = False
    for which in (options.set,) if options.set else available_sets(environment):
        stored = load(which) if options.check else _stored(which)
        found = measure_set(which, _Lines())
        if checkouts:
            found = found.model_copy(update={"peer": measure_peers(which, checkouts, _Lines())})
        comparison = compare(stored or found, found)
        print("\n".join(told(which, comparison)))
        if options.check:
            failed |= bool(comparison.failures)
        elif any(m.wrong_codes for m in found.models):
            failed = True
        else:
            write(found)
            print(f"{which}: stored in benchmarks/results")
    print("FAILED" if failed else "OK")
    return int(failed)


if __name__ == "__main__":
    exit_with(run)
