"""A target is data: ``targets/<name>.toml``, validated whole when it is loaded.

``load_target`` takes the name of a bundled target or the path of a description.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from toolchain import resources
from toolchain.errors import TargetError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Region(_Strict):
    """One memory of the chip; sizes and addresses in bytes."""

    name: str
    kind: Literal["flash", "ram"]
    origin: int = Field(ge=0, lt=1 << 32)
    size: int = Field(gt=0, lt=1 << 32)


class Compiler(_Strict):
    """``prefix`` stands before gcc, size and objdump; ``packages`` maps a package manager to what it installs."""

    prefix: str = ""
    cflags: tuple[str, ...] = ()
    ldflags: tuple[str, ...] = ()
    packages: dict[str, str] = Field(default_factory=dict)


class Board(_Strict):
    """``source`` is the C file of ``firmware_templates/firmware`` that knows clock, UART and timer.

    ``startup`` is the reset code; the host has none. ``clock_hz`` is what the core runs at when the crystal of
    ``crystal_hz`` answers.
    """

    source: str
    startup: str = ""
    clock_hz: int | None = None
    crystal_hz: int | None = None
    baud: int = 115200
    stack_bytes: int = Field(default=4096, ge=512)


class Emulator(_Strict):
    """How the virtual board runs the flashed bytes. ``board`` is the host part of ``virtual://<board>``."""

    board: str
    machine: str
    packages: dict[str, str] = Field(default_factory=dict)


class Flasher(_Strict):
    """The ROM boot loader's view of the chip: its device id and its erase sectors in bytes, from the flash's start."""

    default: Literal["an3155", "gdb", "openocd", "pyocd", "none"] = "an3155"
    device_id: int | None = None
    sectors: tuple[int, ...] = ()
    openocd_config: str = ""
    pyocd_target: str = ""


class UsbId(_Strict):
    """A USB serial adapter that may be the board's port. ``bootloader``: its DTR/RTS can drive reset and BOOT0."""

    vid: int
    pid: int | None = None
    what: str
    bootloader: bool = False


class Target(_Strict):
    """Everything mcuforge knows of a target. ``features`` name what kernels may use: dsp, fpu, mve."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    description: str
    core: str
    kind: Literal["host", "mcu"] = "mcu"
    features: tuple[str, ...] = ()
    memory: tuple[Region, ...] = ()
    compiler: Compiler
    board: Board
    emulator: Emulator | None = None
    flasher: Flasher | None = None
    usb: tuple[UsbId, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Target:
        if self.kind == "mcu":
            for kind in ("flash", "ram"):
                if not any(r.kind == kind for r in self.memory):
                    raise ValueError(f"an mcu target needs a memory of kind {kind!r}")
            if not self.board.startup:
                raise ValueError("an mcu target needs board.startup")
        if self.flasher and self.flasher.sectors:
            flash = self.region("flash")
            if sum(self.flasher.sectors) != flash.size:
                raise ValueError(
                    f"flasher.sectors add up to {sum(self.flasher.sectors)} bytes, {flash.name!r} has {flash.size}"
                )
        return self

    def region(self, kind: Literal["flash", "ram"]) -> Region:
        """The first memory of that kind."""
        return next(r for r in self.memory if r.kind == kind)


def bundled_targets() -> list[str]:
    """Names of the targets that come with mcuforge, sorted."""
    return sorted(p.stem for p in resources.targets().glob("*.toml"))


def load_target(name_or_path: str) -> Target:
    """Read and validate a target.

    Raises TargetError when there is no such target or the description is wrong.
    """
    path = Path(name_or_path) if name_or_path.endswith(".toml") else resources.targets() / f"{name_or_path}.toml"
    if not path.is_file():
        raise TargetError(
            f"there is no target {name_or_path!r}",
            f"Bundled: {', '.join(bundled_targets())}. A description of your own is given by its path: ./my_board.toml",
        )
    try:
        with path.open("rb") as f:
            return Target.model_validate(tomllib.load(f))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise TargetError(f"{path}: not valid TOML: {e}", "Compare it with a bundled target: mcuforge targets") from e
    except ValidationError as e:
        lines = [f"{'.'.join(map(str, err['loc'])) or 'target'}: {err['msg']}" for err in e.errors()]
        raise TargetError(
            f"{path}: not a valid target description\n  " + "\n  ".join(lines), "Mend these entries."
        ) from e
