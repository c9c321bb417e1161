"""What all flashers share: the image, the result, and running a program of somebody else's."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import BoardError, TargetError, ToolError
from toolchain.target import Target

_TOOL_SECONDS = 180.0


@dataclass(frozen=True)
class FlashImage:
    """The bytes of flash from ``origin`` on; ``elf`` is the file they were taken from, for flashers that want it."""

    data: bytes
    origin: int
    elf: Path | None = None


@dataclass(frozen=True)
class FlashResult:
    """``bytes`` were written and verified. ``retries`` counts repeated commands, ``rounds`` complete passes."""

    flasher: str
    bytes: int
    seconds: float
    retries: int = 0
    rounds: int = 1


def check_fits(image: FlashImage, target: Target) -> None:
    """Raises TargetError when the image is empty or lies outside the target's flash."""
    flash = target.region("flash")
    end, limit = image.origin + len(image.data), flash.origin + flash.size
    if not image.data:
        raise TargetError("the firmware image is empty", "Build the firmware again.")
    if image.origin < flash.origin or end > limit:
        raise TargetError(
            f"the image occupies {image.origin:#010x} to {end:#010x}, "
            f"{target.name}'s flash is {flash.origin:#010x} to {limit:#010x}",
            "Was it built for another target?",
        )


def find_program(names: tuple[str, ...], install: str) -> str:
    """Path of the first of ``names`` that is installed. Raises ToolError with the line that installs it."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise ToolError(f"{' or '.join(names)} is not installed", f"Install it: {install}")


def run_program(command: list[str]) -> tuple[int, str]:
    """Exit code and everything printed. Raises BoardError when it hangs, ToolError when it cannot start."""
    try:
        run = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_TOOL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as e:
        raise BoardError(
            f"{Path(command[0]).name} did not end within {_TOOL_SECONDS:.0f} s",
            "Reset board and probe, then try again.",
        ) from e
    except OSError as e:
        raise ToolError(f"cannot run {command[0]}: {e.strerror}", "Is it installed for this machine?") from e
    return run.returncode, run.stdout


@contextmanager
def image_file(image: FlashImage) -> Iterator[Path]:
    """The image as a binary file, removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="mcuforge-flash-") as folder:
        path = Path(folder) / "image.bin"
        path.write_bytes(image.data)
        yield path


def probe_trouble(program: str, output: str) -> BoardError:
    """What a debug probe's program printed, as an error with a hint."""
    lower = output.lower()
    tail = "\n  ".join(output.strip().splitlines()[-6:])
    if any(words in lower for words in ("libusb_error_access", "permission denied", "insufficient permissions")):
        hint = (
            "No permission for the probe: install its udev rules (package of the probe's tool), then plug it in again."
        )
    elif any(
        words in lower for words in ("open failed", "no device found", "no connected", "no available debug probes")
    ):
        hint = "No debug probe found: plug the board in by the probe's USB connector."
    elif any(words in lower for words in ("libusb_error_busy", "address already in use", "already open")):
        hint = "Another program has the probe; close that one first."
    elif any(words in lower for words in ("target voltage", "init mode failed", "no target", "timed out")):
        hint = "The probe is there, the chip does not answer: check the board's power and the SWD wires."
    else:
        hint = "Check probe, board and cable; the lines above are the program's own."
    return BoardError(f"{program} could not flash the board\n  {tail}", hint)
