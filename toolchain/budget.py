"""What a plan may cost, and what it should be good at: sizes and latencies as users write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolchain.errors import UserError
from toolchain.target import Target

OBJECTIVES = ("balanced", "latency", "flash", "ram")
HEURISTIC, OPTIMAL = ARENAS = "heuristic", "optimal"
_SIZES = {"": 1, "k": 1000, "m": 1_000_000, "ki": 1024, "mi": 1024 * 1024}


@dataclass(frozen=True)
class Budget:
    """Bytes, and cycles (modelled) of one inference; None is no limit. ``arena``: how it is laid out."""

    objective: str = "balanced"
    max_flash: int | None = None
    max_ram: int | None = None
    max_cycles: int | None = None
    arena: str = HEURISTIC


def parse_size(text: str) -> int:
    """ "64k" is 64,000 bytes, "64Ki" 65,536. Raises UserError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(k|m|ki|mi|)b?", text.strip().lower())
    if match is None or float(match[1]) <= 0:
        raise UserError(f"{text!r} is not a size", "Write bytes as 64000, 64k (64,000) or 64Ki (65,536).")
    return int(float(match[1]) * _SIZES[match[2]])


def parse_latency(text: str, target: Target) -> int:
    """ "9.2Mcycles" or "20ms" at the target's clock, as modelled cycles. Raises UserError for anything else."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:(k|m|)cycles|(ms|us|s))", text.strip().lower())
    if match is None or float(match[1]) <= 0:
        raise UserError(f"{text!r} is not a latency", "Write cycles as 9.2Mcycles, or a time as 20ms.")
    value = float(match[1])
    if match[3] is None:
        return int(value * _SIZES[match[2]])
    if target.board.clock_hz is None:
        raise UserError(f"target {target.name} has no clock to turn {text} into cycles", "Give the limit in cycles.")
    return int(value * {"s": 1.0, "ms": 1e-3, "us": 1e-6}[match[3]] * target.board.clock_hz)
