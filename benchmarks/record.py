"""What one run of the benchmark finds, and its file in ``benchmarks/results``.

The files are the same wherever they are made with the same compiler, emulator and models: no dates, no paths, no
names of machines.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from benchmarks.peers import Peer, Peers, load_peers
from toolchain.errors import DataError

RESULTS = Path(__file__).resolve().parent / "results"
# SMLAD does two multiplications a cycle; loads, stores and everything else come on top.
FLOOR_CYCLES_PER_MAC = 0.5


class _Entry(BaseModel):
    # Derived figures are in the file for its readers and are computed again when it is read.
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Counted(_Entry):
    """``cycles`` are modelled, ``instructions`` exact, both of one inference."""

    macs: int
    cycles: int
    instructions: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cycles_per_mac(self) -> float | None:
        """None where there are no MACs."""
        return round(self.cycles / self.macs, 3) if self.macs else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def times_floor(self) -> float | None:
        """How many times the cycles of its MACs alone at the rate of SMLAD; None where there are no MACs."""
        return round(self.cycles / (FLOOR_CYCLES_PER_MAC * self.macs), 3) if self.macs else None


class Layer(_Counted):
    """One layer of the firmware. ``text`` is its operator with shapes.

    ``flash_bytes`` are its constants; code is shared between layers. ``ram_bytes`` is the part of the arena that it
    reads or writes: inputs, outputs and scratch, what overlaps counted once. ``predicted_cycles`` are those that the
    kernel was chosen by; they are not stored.
    """

    name: str
    text: str
    op: str
    kernel: str
    flash_bytes: int
    ram_bytes: int
    predicted_cycles: float | None = Field(default=None, exclude=True)


class Objective(_Entry):
    """The model compiled with ``--optimize name`` instead of the default."""

    name: str
    cycles: int
    flash_bytes: int
    ram_bytes: int
    arena_bytes: int
    differing: int


class Model(_Counted):
    """A whole inference, from int8 input to int8 output, compiled with the default options.

    ``macs`` are the nominal ones of the model's file; its layers' may be fewer after exact reductions. ``sha256`` is of
    the file. ``flash_bytes`` and ``ram_bytes`` are the whole firmware's, the serial protocol included, UART frame
    buffers and stack left out. ``slowest_cycles`` is the most that any of the ``samples`` random inputs took;
    ``cycles`` and the layers are those of the first. ``differing`` of ``codes`` output codes were not TFLM's.
    ``objectives`` is empty where only the default was measured. ``predicted_flash`` is what the planner expected; it is
    not stored.
    """

    name: str
    sha256: str
    flash_bytes: int
    ram_bytes: int
    arena_bytes: int
    arena_lower_bound: int
    samples: int
    slowest_cycles: int
    codes: int
    differing: int
    layers: tuple[Layer, ...]
    objectives: tuple[Objective, ...] = ()
    predicted_flash: int | None = Field(default=None, exclude=True)

    @property
    def wrong_codes(self) -> int:
        """Of all that was measured."""
        return self.differing + sum(o.differing for o in self.objectives)


class Tools(_Entry):
    """Versions of what decides the figures. ``tensorflow`` made the twins; it has no part in the other set."""

    compiler: str
    qemu: str
    tensorflow: str | None = None


class Record(_Entry):
    """``peer`` is there when it was built and measured in the same run."""

    format: Literal["mcuforge-bench/1"] = "mcuforge-bench/1"
    set: str
    target: str
    core: str
    tools: Tools
    models: tuple[Model, ...]
    peer: Peer | None = None

    @property
    def peers(self) -> Peers:
        """What stands beside these figures: the peer as it was measured in the same run, else as it is stored."""
        stored = load_peers()
        return stored.model_copy(update={"peer": self.peer}) if self.peer else stored


def to_text(record: Record) -> str:
    """The file's content."""
    without = {"peer"} if record.peer is None else None
    return json.dumps(record.model_dump(mode="json", exclude=without), indent=1, sort_keys=True) + "\n"


def stored_file(which: str, folder: Path = RESULTS) -> Path:
    return folder / f"{which}.json"


def load(which: str, folder: Path = RESULTS) -> Record:
    """The stored figures of a set. Raises DataError when there are none or they are of another format."""
    path = stored_file(which, folder)
    try:
        return Record.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        raise DataError(f"there are no stored figures of the {which} set", f"Make them: make bench SET={which}") from e
    except ValueError as e:
        raise DataError(f"{path.name} is not a file of this benchmark: {e}", f"Make it: make bench SET={which}") from e
