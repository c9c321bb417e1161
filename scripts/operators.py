"""Writes docs/operators.md from the operators' modules and cases. Run it after a change: python scripts/operators.py"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from toolchain.ops import by_tflite_name, registry
from toolchain.ops.base import Op

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Operators
Made by `scripts/operators.py` from `toolchain/ops` and the cases in `tests/cases`; do not edit. A model that holds
anything else is refused before anything is generated, with every layer concerned and all its reasons.
`mcuforge inspect MODEL` shows the same for a model of yours.

## TFLite's operators
Types are those of the activations in the cases that every kernel is compared with, code by code; where input and output
differ, both. The oracle is TFLM, TensorFlow Lite for Microcontrollers; *TFLite* are TensorFlow Lite's own reference
kernels, where TFLM lacks the operator or the type, or leaves memory unset that it then reads. Quantized: whether
`--quantizer mcuforge` makes integers of it; `--quantizer tflite` decides by itself.

| operator | types | oracle | quantized |
|--|--|--|--|
"""
MODULES = """
## Kernels and demands
What the operators above become, one row for each that has kernels of its own.

| operator | read from TFLite's | kernels | what it demands |
|--|--|--|--|
"""
_NAMES = {"tflm": "TFLM", "tflite": "TFLite"}


def _origin(op: Op) -> str:
    """Which operators of a TFLite file become this one."""
    if op.typed:
        name, dtype = op.typed
        return f"{', '.join(registry()[name].tflite)}, of {dtype}"
    if op.instead:
        return f"{', '.join(registry()[op.instead[0]].tflite)}, in rarer forms"
    return ", ".join(op.tflite) or "nothing: exact reductions make it"


def _cases() -> Mapping[str, list[Any]]:
    """The cases of each TFLite operator, those in front of others among them."""
    sys.path.insert(0, str(ROOT / "tests"))
    from cases import all_cases

    found: dict[str, list[Any]] = {}
    for cases in all_cases().values():
        for case in cases:
            inner = (o for graph in case.subgraphs for o in graph.operators)
            for operator in (*case.before, case.operator, *inner):
                found.setdefault(operator.builtin, []).append((case, operator))
    return found


def _types(pairs: Iterable[Any]) -> list[str]:
    texts = []
    for _, operator in pairs:
        variable = [t.dtype for t in operator.inputs if t is not None and t.data is None and not t.variable]
        x, out = (variable or [""])[0], operator.outputs[0].dtype if operator.outputs else ""
        texts.append(x if x == out or not out else f"{x} to {out}" if x else out)
    return sorted(dict.fromkeys(texts))


def _operators() -> str:
    cases = _cases()
    rows = []
    for builtin, op in sorted(by_tflite_name().items()):
        found = cases.get(builtin, [])
        oracles = sorted({_NAMES[case.oracle] for case, _ in found}, reverse=True)
        if op.offline:
            rows.append(f"| {builtin} | only of what is known at build time, where it is computed | | |")
        else:
            quantized = "yes" if op.ptq else "no"
            rows.append(f"| {builtin} | {', '.join(_types(found))} | {', '.join(oracles)} | {quantized} |")
    return "\n".join(rows) + "\n"


def table() -> str:
    """The page's text."""
    rows = []
    for name, op in sorted(registry().items()):
        if op.offline:
            demands = "only constant shapes: it is computed at build time"
        else:
            demands = "; ".join(dict.fromkeys(c.sentence for c in op.constraints))
        kernels = ", ".join(v.name for v in op.variants) or "no code"
        rows.append(f"| {name} | {_origin(op)} | {kernels} | {demands} |")
    return HEAD + _operators() + MODULES + "\n".join(rows) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "operators.md").write_text(table(), encoding="utf-8")
