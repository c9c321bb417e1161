"""Writes docs/operators.md from the operators' modules. Run it after changing one: python scripts/operators.py"""

from __future__ import annotations

from pathlib import Path

from toolchain.ops import registry
from toolchain.ops.base import Op

HEAD = """# Operators
Made by `scripts/operators.py` from `toolchain/ops`; do not edit. Batch size is 1 throughout. A model that holds
anything else is refused before anything is generated, with every layer concerned and its reason.
`mcuforge inspect MODEL` shows the same for a model of yours.

| operator | read from TFLite's | kernels | what it demands |
|--|--|--|--|
"""


def _origin(op: Op) -> str:
    """Which operators of a TFLite file become this one."""
    if op.typed:
        name, dtype = op.typed
        return f"{', '.join(registry()[name].tflite)}, of {dtype}"
    return ", ".join(op.tflite) or "nothing: exact reductions make it"


def table() -> str:
    """The page's text."""
    rows = []
    for name, op in sorted(registry().items()):
        if op.offline:
            demands = "only constant shapes: it is computed at build time"
        else:
            demands = "; ".join(c.sentence for c in op.constraints)
        kernels = ", ".join(v.name for v in op.variants) or "no code"
        rows.append(f"| {name} | {_origin(op)} | {kernels} | {demands} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    (Path(__file__).resolve().parent.parent / "docs" / "operators.md").write_text(table(), encoding="utf-8")
