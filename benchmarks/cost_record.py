"""The stored cycles of single layers, by which the costs of kernels are fitted and held."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from benchmarks.record import RESULTS, Tools
from toolchain.errors import DataError

FILE = RESULTS / "costs.json"


class CostRecord(BaseModel):
    """Modelled cycles by layer and variant, and the tools that decide them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = "mcuforge-costs/1"
    tools: Tools
    cycles: Mapping[str, Mapping[str, int]]


def load_costs() -> CostRecord:
    """Raises DataError when there are none."""
    try:
        return CostRecord.model_validate_json(FILE.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as e:
        raise DataError("there are no stored cycles of single layers", "Make them: python -m benchmarks.costs") from e


def store_costs(record: CostRecord) -> None:
    FILE.write_text(json.dumps(record.model_dump(mode="json"), indent=1) + "\n", encoding="utf-8")
