"""A target is data: ``targets/<name>.toml``, validated whole when it is loaded.

``load_target`` takes the name of a bundled target or the path of a description.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

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

    ``startup`` is the reset code; the host has none. ``clock_hz`` is what the core runs at, when the crystal of
    ``crystal_hz`` answers where there is one. ``defines`` are macros for the firmware's C files, such as the addresses
    of a peripheral that several boards have in different places.
    """

    source: str
    startup: str = ""
    clock_hz: int | None = None
    crystal_hz: int | None = None
    baud: int = 115200
    stack_bytes: int = Field(default=4096, ge=512)
    defines: dict[Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")], Annotated[int, Field(ge=0, lt=1 << 32)]] = Field(
        default_factory=dict
    )


class Emulator(_Strict):
    """How the virtual board runs the flashed bytes. ``board`` is the host part of ``virtual://<board>``.

    ``program`` is the emulator, ``options`` what it needs beside the machine. ``instructions`` says what counts them
    exactly: the firmware's ``timer``, which ticks once for each, or the ``markers`` that the emulator's plugin sees.
    ``cycle_model`` is the core whose cycles are modelled, empty where there is no model of this one.
    """

    board: str
    machine: str
    program: str = "qemu-system-arm"
    options: tuple[str, ...] = ()
    instructions: Literal["timer", "markers"] = "timer"
    cycle_model: Literal["", "Cortex-M4"] = ""
    packages: dict[str, str] = Field(default_factory=dict)


class Flasher(_Strict):
    """The ROM boot loader's view of the chip: its device id and its erase sectors in bytes, from the flash's start.

    ``default = "emulator"`` is for a virtual board that has no boot loader to play: the emulator is handed the image.
    """

    default: Literal["an3155", "emulator", "gdb", "openocd", "pyocd", "none"] = "an3155"
    device_id: int | None = None
    sectors: tuple[int, ...] = ()
    openocd_config: str = ""
    pyocd_target: str = ""


class RunEnergy(_Strict):
    """What the running core draws: its typical supply current at ``board.clock_hz``, and where that is written."""

    run_milliamperes: float = Field(gt=0)
    volts: float = Field(gt=0)
    source: str = Field(min_length=1)

    @property
    def text(self) -> str:
        return f"{self.run_milliamperes:g} mA and {self.volts:g} V"


class UsbId(_Strict):
    """A USB serial adapter that may be the board's port. ``bootloader``: its DTR/RTS can drive reset and BOOT0."""

    vid: int
    pid: int | None = None
    what: str
    bootloader: bool = False


class Target(_Strict):
    """Everything mcuforge knows of a target. ``features`` name what kernels may use: dsp, fpu, mve.

    The tools of a target that is ``on_request`` are installed, and missed, only when it is asked for by name.
    """

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
    energy: RunEnergy | None = None
    usb: tuple[UsbId, ...] = ()
    on_request: bool = False

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

    @property
    def vector_table(self) -> bool:
        """Whether the flash begins with a vector table, as every Cortex-M's does, rather than with code."""
        return self.core.startswith("Cortex-M")

    @property
    def boot_loader(self) -> bool:
        """Whether the virtual board has a ROM boot loader on its UART."""
        return self.flasher is None or self.flasher.default != "emulator"

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
