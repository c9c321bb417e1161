"""The benchmark: ``python -m benchmarks.bench``, or ``make bench`` and ``make bench-check``.

Measures the five MLPerf Tiny models on the virtual board and stores the figures, or compares them with the stored ones.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.compare import Comparison, compare
from benchmarks.measure import measure_set
from benchmarks.models import REFERENCE, SETS, available_sets
from benchmarks.peers import load_peers
from benchmarks.performance import write_page
from benchmarks.record import RESULTS, Record, load, stored_file, to_text
from benchmarks.tables import page
from toolchain.errors import UserError
from toolchain.progress import Progress

PEER_VARIABLES = ("TFLM_DIR", "CMSIS_NN_DIR")


class _Lines(Progress):
    def info(self, text: str) -> None:
        print(text, flush=True)


def check_environment(environment: Mapping[str, str]) -> None:
    """Raises UserError when the peer should be measured too: better no run than one that leaves it out silently."""
    given = [name for name in PEER_VARIABLES if environment.get(name)]
    if given:
        raise UserError(
            f"the benchmark does not build the peer, which {' and '.join(given)} ask{'s' * (len(given) == 1)} for",
            "Unset them: the figures of TFLM + CMSIS-NN are the stored ones of benchmarks/peers.toml.",
        )


def write(record: Record, folder: Path = RESULTS) -> None:
    """The record, its tables and its picture in ``folder``."""
    from benchmarks.plot import save_plot

    peers = load_peers()
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
    check_environment(environment)
    failed = False
    for which in (options.set,) if options.set else available_sets(environment):
        stored = load(which) if options.check else _stored(which)
        found = measure_set(which, _Lines())
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


def main() -> None:
    try:
        sys.exit(run(sys.argv[1:]))
    except UserError as e:
        print(f"Error: {e.problem}\n{e.hint}".rstrip(), file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
