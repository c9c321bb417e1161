"""The stored figures of other tools, from ``peers.toml``."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = Path(__file__).with_name("peers.toml")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PeerModel(_Strict):
    """``cycles`` are modelled, ``instructions`` exact; the bytes may be another build's than the cycles."""

    macs: int
    instructions: int
    cycles: int
    flash_bytes: int
    ram_bytes: int


class Peer(_Strict):
    name: str
    source: str
    models: dict[str, PeerModel]


class Helium(_Strict):
    """``instructions`` of one inference of each model on an emulated Cortex-M55, exact."""

    name: str
    source: str
    instructions: dict[str, int]


class Silicon(_Strict):
    """``mcycles`` are millions of measured cycles, one for each of ``models``."""

    source: str
    models: tuple[str, ...]
    mcycles: dict[str, tuple[float, ...]]


class Peers(_Strict):
    peer: Peer
    helium: Helium
    silicon: Silicon


def load_peers() -> Peers:
    return Peers.model_validate(tomllib.loads(FILE.read_text(encoding="utf-8")))
