"""How exact mcuforge is, as numbers: every case, random cases of every operator, whole networks, code by code.

``make conformance`` prints the table, writes it to ``benchmarks/results`` and ends with 1 when any code differs. The
numpy reference is compared with the oracle (TFLM's reference kernels, TFLite's where it has none), the kernels as C on
this computer, under sanitizers, and on the emulated Cortex-M4 with the numpy reference.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cases import all_cases
from hypothesis import HealthCheck, given, settings
from randoms import Strategy, by_family
from rich.console import Console
from rich.table import Table
from support.board import differences_on_board
from support.case import Case
from support.examine import ORACLE, Comparison, Refused, compared, comparisons
from support.firmware import planned
from support.networks import NETWORKS, host_outputs, wrong_on_board
from support.oracle import run_tflm
from support.paste import as_code
from support.suites import M4, Rank, cases_of, steps_at, suites

from toolchain.graph import Graph
from toolchain.plan import Plan
from toolchain.reference import run

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results"
EXAMPLES = 20
TABLE_WIDTH = 140
OTHERS = "others"  # operators without random cases
Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One line of the table. Codes are those that were compared with the oracle's, in C here, and on the board."""

    name: str
    operators: int = 0
    cases: int = 0
    examples: int = 0
    models: int = 0
    oracle_codes: int = 0
    host_codes: int = 0
    board_codes: int = 0
    differing: int = 0

    def plus(self, **more: int) -> Row:
        return dataclasses.replace(self, **{name: getattr(self, name) + n for name, n in more.items()})

    def with_comparison(self, found: Comparison) -> Row:
        where = "oracle_codes" if found.way == ORACLE else "host_codes"
        return self.plus(**{where: found.codes}, differing=found.differing)


def family_of() -> Mapping[str, str]:
    """The family of each TFLite operator."""
    return {builtin: family for family, strategies in by_family().items() for builtin in strategies}


def examined(row: Row, case: Case, say: Say) -> Row:
    for found in comparisons(case, models=True):
        row = row.with_comparison(found)
        if found.differing:
            say(f"{case.id}, {found.way}: {found.detail}\n{as_code(case)}")
    return row


def with_examples(row: Row, strategy: Strategy, examples: int, say: Say) -> Row:
    """The same examples each time; what differs is counted, not made smaller."""

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def count(case: Case) -> None:
        nonlocal row
        try:
            row = examined(row, case, say).plus(examples=1)
        except Refused:
            return

    count()
    return row


def _operators(examples: int, say: Say) -> dict[str, Row]:
    """A row for each family, on this computer."""
    families = family_of()
    rows = {name: Row(name, operators=len(strategies)) for name, strategies in by_family().items()}
    rows[OTHERS] = Row(OTHERS)
    for module, cases in all_cases().items():
        say(f"cases: {module}")
        for case in cases:
            family = families.get(case.operator.builtin, OTHERS)
            rows[family] = examined(rows[family], case, say).plus(cases=1)
    for family, strategies in by_family().items():
        say(f"random cases: {family}")
        for strategy in strategies.values():
            rows[family] = with_examples(rows[family], strategy, examples, say)
    return {name: row for name, row in rows.items() if row.operators or row.cases}


def _on_the_board(rows: dict[str, Row], folder: Path, say: Say) -> None:
    """The cases on the emulated Cortex-M4, by each of its variants; counted for their families."""
    families = family_of()
    for module, rank in suites(M4):
        say(f"on the Cortex-M4: {module} {rank}")
        cases = cases_of(module, rank, M4.name)

        def as_planned(graph: Graph, rank: Rank = rank) -> Plan:
            return planned(graph, steps_at(graph, M4, rank))

        name = f"{module}_{rank}"
        for case, (codes, differing) in differences_on_board(cases, name, M4, as_planned, folder / name).items():
            family = families.get(case.operator.builtin, OTHERS)
            rows[family] = rows[family].plus(board_codes=codes, differing=differing)
            if differing:
                say(f"{case.id} on the Cortex-M4: {differing} of {codes} codes differ")


def _network(name: str, folder: Path, board: bool, say: Say) -> Row:
    say(f"network {name}")
    network, row = NETWORKS[name](), Row(name, models=1)
    expected = run_tflm(network.content, [network.codes], len(network.graph.outputs), arena_bytes=1 << 21)
    row = row.with_comparison(compared(ORACLE, expected, run(network.graph, [network.codes])))
    on_host = host_outputs(network, folder / f"{name}_host", len(network.codes))
    row = row.with_comparison(compared("host", expected, on_host))
    if board:
        codes = sum(x.size for x in expected)
        # The board compares checksums: all codes of a sample or none.
        wrong = len(wrong_on_board(network, folder / f"{name}_board", expected)) * (codes // len(network.codes))
        row = row.plus(board_codes=codes, differing=wrong)
    return row


def total(name: str, rows: Iterable[Row]) -> Row:
    result = Row(name)
    for row in rows:
        result = result.plus(**{f.name: getattr(row, f.name) for f in dataclasses.fields(Row) if f.name != "name"})
    return result


HEADINGS = ("", "operators", "cases", "random cases", "networks", "oracle", "C, host", "C, Cortex-M4", "differing")


def _texts(row: Row) -> list[str]:
    return [row.name, *(f"{n:,}" if n else "-" for n in dataclasses.astuple(row)[1:-1]), f"{row.differing:,}"]


def markdown(rows: Iterable[Row]) -> str:
    """The table as it is stored."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---|" + "---:|" * (len(HEADINGS) - 1)]
    lines += ["| " + " | ".join(_texts(row)) + " |" for row in rows]
    return PAGE.format(table="\n".join(lines))


PAGE = """# Conformance

Made by `make conformance`; do not edit. Output codes that were compared: the numpy reference with the oracle, which is
TFLM's reference kernels (LiteRT's where TFLM lacks an operator); every kernel as C on this computer under
AddressSanitizer and UndefinedBehaviorSanitizer, and on the emulated Cortex-M4, with the numpy reference. A code of
float32 is a number; bit by bit but where the C library's functions are used. The networks ran here without sanitizers,
which `make test` adds for three samples of each.

{table}
"""


def _print(rows: Iterable[Row]) -> None:
    table = Table(*HEADINGS, title="Output codes compared")
    for i, column in enumerate(table.columns):
        column.no_wrap, column.justify = True, "right" if i else "left"
    for row in rows:
        table.add_row(*_texts(row), style="bold" if row.name == "total" else "")
    console = Console()
    console.width = max(console.width, TABLE_WIDTH)  # numbers that are cut short would say something else
    console.print(table)


def measure(examples: int, board: bool, say: Say) -> list[Row]:
    """All rows, then their total."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        families = _operators(examples, say)
        if board:
            _on_the_board(families, folder, say)
        rows = [*families.values(), *(_network(network, folder, board, say) for network in NETWORKS)]
    return [*rows, total("total", rows)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="random cases of each operator")
    parser.add_argument("--no-board", action="store_true", help="without the emulated Cortex-M4")
    parser.add_argument("--out", type=Path, default=RESULTS, help="the folder of conformance.json and conformance.md")
    options = parser.parse_args()
    rows = measure(options.examples, not options.no_board, lambda text: print(text, file=sys.stderr, flush=True))
    _print(rows)
    options.out.mkdir(parents=True, exist_ok=True)
    stored = json.dumps([dataclasses.asdict(row) for row in rows], indent=2)
    (options.out / "conformance.json").write_text(stored + "\n", encoding="utf-8")
    (options.out / "conformance.md").write_text(markdown(rows), encoding="utf-8")
    return 1 if rows[-1].differing else 0


if __name__ == "__main__":
    sys.exit(main())
