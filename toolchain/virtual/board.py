"""A virtual board: chip, ROM boot loader and emulator behind NRST, BOOT0 and a UART."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolchain.errors import BoardError
from toolchain.target import Target, bundled_targets, load_target
from toolchain.virtual import plugin as cycle_model
from toolchain.virtual import qemu
from toolchain.virtual.chip import Chip
from toolchain.virtual.faults import Faults, FaultyLine
from toolchain.virtual.folders import state_folder
from toolchain.virtual.romloader import RomLoader

HELD, LOADER, RUNNING, LOCKED, UNPLUGGED = "held in reset", "boot loader", "running", "locked up", "unplugged"


@dataclass(frozen=True)
class RegionCounts:
    """One marked region as the plugin saw it: instructions, modelled cycles, and both by segment.

    Segment 0 is what comes before the first segment marker, then one segment for each marker. Cycles are None where
    the core has no cycle model. ``crossing`` are the accesses that crossed a word's edge, as unaligned words do.
    """

    instructions: int
    cycles: int | None
    segments: tuple[tuple[int, int | None], ...]
    crossing: int = 0


_described: dict[str, Target] = {}


def use_target(target: Target) -> None:
    """Let ``virtual://<target.emulator.board>`` stand for this description in the present process."""
    if target.emulator is not None:
        _described[target.emulator.board] = target


def board_target(board: str) -> Target:
    """The target whose emulator plays ``board``. Raises BoardError when none does."""
    if board in _described:
        return _described[board]
    known = {t.emulator.board: t for t in map(load_target, bundled_targets()) if t.emulator is not None}
    if board not in known:
        raise BoardError(
            f"there is no virtual board {board!r}", f"There are: {', '.join(sorted({*known, *_described}))}"
        )
    return known[board]


class VirtualBoard:
    """One board, owned by one port. What the board sends goes to ``sink``, from any thread.

    It starts held in reset; BOOT0 means something only to a chip with a boot loader. ``counting`` runs the application
    with exact instruction counts and, where it can be built, the cycle model; ``timing`` makes erasing as slow as
    silicon. Raises BoardError when another process owns the board, ToolError without an emulator.
    """

    def __init__(
        self,
        board: str,
        sink: Callable[[bytes], None],
        *,
        counting: bool = False,
        timing: bool = False,
        faults: Faults | None = None,
    ) -> None:
        self.target = board_target(board)
        assert self.target.emulator is not None
        self._emulation = self.target.emulator
        self._qemu = qemu.find_qemu(self.target)
        self._sink, self._counting, self._timing = sink, counting, timing
        self._line = FaultyLine(faults or Faults())
        self._lock = threading.RLock()
        self._boot0 = False
        self._emulator: qemu.Emulator | None = None
        self._loader: RomLoader | None = None
        self._records_from = 0
        self.state = HELD
        self.why = ""
        folder = state_folder()
        self.chip = Chip(self.target)
        # A description of one's own may give the same board another flash, which is another chip.
        self._flash_file = folder / f"{board}-{len(self.chip.flash) / 1024:g}k-{len(self.chip.sectors)}.bin"
        self._records, self._log = folder / f"{board}.counts", folder / f"{board}.log"
        self._plugin: cycle_model.Plugin | str = "the board does not run in counting mode"
        self._claim = _claim(folder, board)
        try:
            if counting:
                self._plugin = self._prepare_plugin()
            self.chip.load(self._flash_file)
        except BaseException:
            self._claim.close()
            raise

    def _prepare_plugin(self) -> cycle_model.Plugin | str:
        """The plugin, or why nothing is counted by it."""
        if self._emulation.cycle_model or self._emulation.instructions == "markers":
            return cycle_model.prepare(self._qemu)
        return self._no_model

    @property
    def _no_model(self) -> str:
        return f"there is no cycle model of the {self.target.core}"

    # ---- pins ------------------------------------------------------------------------------------------------------
    def set_nrst(self, low: bool) -> None:
        """Low holds the chip in reset; the edge to high samples BOOT0 and starts loader or application."""
        with self._lock:
            if low and self.state not in (HELD, UNPLUGGED):
                self._leave()
                self.state = HELD
            elif not low and self.state == HELD:
                if self._boot0 and self.target.boot_loader:
                    self._loader = RomLoader(self.chip, self._send, self._run, self._save, self._timing)
                    self.state = LOADER
                else:
                    self._run()

    def set_boot0(self, high: bool) -> None:
        with self._lock:
            self._boot0 = high

    def insert(self, image: bytes, origin: int) -> None:
        """Put ``image`` into the flash of a chip held in reset that has no boot loader. Raises BoardError."""
        with self._lock:
            if self.state != HELD or self.target.boot_loader:
                raise BoardError(
                    f"virtual://{self._emulation.board} is {self.state} and takes no image from outside",
                    "Flash it through its boot loader.",
                )
            self.chip.replace(image, origin)
            self._save()

    def _leave(self) -> None:
        self._loader = None
        if self._emulator is not None:
            self._emulator.stop()
            self._emulator = None
        self._save()

    def _save(self) -> None:
        self.chip.save(self._flash_file)

    # ---- application -----------------------------------------------------------------------------------------------
    def _run(self) -> None:
        """Start the application in flash; a chip without one locks up and stays silent."""
        self._loader = None
        self._save()
        self.why = self.chip.lockup_reason()
        if self.why:
            self.state = LOCKED
            return
        self._records.unlink(missing_ok=True)
        self._records_from = 0
        plugin = self._plugin.library if isinstance(self._plugin, cycle_model.Plugin) else None
        launch = qemu.Launch(
            self._emulation.machine,
            self._flash_file,
            self.chip.origin,
            self._log,
            self._emulation.options,
            self._counting,
            plugin,
            self._records,
        )
        self._emulator = qemu.Emulator(self._qemu, launch, self._send, self._ended)
        self.state = RUNNING

    def _ended(self, emulator: qemu.Emulator) -> None:
        """QEMU ends by itself when the guest locks up, or when it cannot run at all."""
        with self._lock:
            if emulator is self._emulator:
                self.state = LOCKED
                self.why = emulator.messages() or f"the emulator ended with code {emulator.process.returncode}"

    @property
    def emulator_pid(self) -> int | None:
        """Process id of the running QEMU."""
        with self._lock:
            running = self._emulator is not None and self._emulator.process.poll() is None
            return self._emulator.process.pid if self._emulator is not None and running else None

    # ---- UART ------------------------------------------------------------------------------------------------------
    def _send(self, data: bytes) -> None:
        data = self._line.send(data)
        if data:
            self._sink(data)

    def receive(self, data: bytes, even_parity: bool, timeout: float | None) -> bool:
        """Bytes from the host. False when the application did not take them within ``timeout`` seconds.

        The ROM loader hears 8E1 only: with another parity every byte is a framing or parity error to it.
        """
        with self._lock:
            data = self._line.receive(data)
            emulator = self._emulator if self.state == RUNNING else None
            if self._loader is not None and even_parity:
                self._loader.feed(data)
            if self._line.unplugged:
                self._leave()
                self.state = UNPLUGGED
        # Not under the lock: a guest that does not read must not keep close() out.
        return emulator is None or emulator.write(data, timeout)

    # ---- counts ----------------------------------------------------------------------------------------------------
    @property
    def counting(self) -> bool:
        """Whether instructions are counted, and one nanosecond of guest time is one of them."""
        return self._counting

    @property
    def no_cycles(self) -> str:
        """Why there are no modelled cycles; empty when there are."""
        return self.no_regions or ("" if self._emulation.cycle_model else self._no_model)

    @property
    def no_regions(self) -> str:
        """Why marked regions are not counted; empty when they are."""
        return self._plugin if isinstance(self._plugin, str) else ""

    def regions(self) -> list[RegionCounts]:
        """The marked regions finished since the last reset or ``clear``, oldest first; none without the plugin."""
        if self.no_regions or not self._records.exists():
            return []
        with self._records.open("rb") as f:
            f.seek(self._records_from)
            lines = f.read().splitlines()
        return [_region(json.loads(line), bool(self._emulation.cycle_model)) for line in lines]

    def clear(self) -> None:
        """Forget the regions so far."""
        self._records_from = self._records.stat().st_size if self._records.exists() else 0

    # ---- end -------------------------------------------------------------------------------------------------------
    def close(self) -> None:
        """Power off: no emulator is left, the flash is saved, another process may have the board."""
        with self._lock:
            try:
                self._leave()
            finally:
                self.state = HELD
                self._claim.close()


def _region(record: dict[str, Any], modelled: bool) -> RegionCounts:
    """The plugin always applies its model; what it says of another core's cycles is dropped here."""
    return RegionCounts(
        record["instructions"],
        record["cycles"] if modelled else None,
        tuple((instructions, cycles if modelled else None) for instructions, cycles in record["segments"]),
        record["crossing"],
    )


class _Claim:
    """An exclusive lock on a board, which the kernel lifts when the process ends."""

    def __init__(self, path: Path) -> None:
        import fcntl  # POSIX only, as the emulator's socket pair is

        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


def _claim(folder: Path, board: str) -> _Claim:
    try:
        return _Claim(folder / f"{board}.lock")
    except BlockingIOError as e:
        raise BoardBusy(f"virtual://{board} is busy", "Another program has it open; close that one first.") from e
    except OSError as e:
        raise BoardError(
            f"cannot use {folder} for the virtual board: {e.strerror}",
            "Set MCUFORGE_STATE to a folder you may write to.",
        ) from e


class BoardBusy(BoardError):
    """Somebody else has the board."""
