"""The cycle model: against cycles computed by hand, and against the model our published figures come from."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from board_kit import TARGET, URL, choice, firmware

from toolchain.flashers import flash
from toolchain.ports import open_port
from toolchain.virtual import plugin, qemu


@pytest.fixture(autouse=True, scope="module")
def _flashed() -> None:
    flash(firmware(), TARGET, choice())


def run_region(command: bytes, library: Path, out: Path, options: str = "") -> None:
    """Boot the firmware under QEMU with a given plugin, run one region, and end QEMU in an orderly way."""
    qemu_path = qemu.find_qemu(TARGET)
    assert TARGET.emulator is not None
    machine = ["-M", TARGET.emulator.machine, "-nodefaults", "-display", "none", "-monitor", "none"]
    kernel = ["-kernel", str(firmware().elf), "-serial", "stdio", "-icount", "shift=0,sleep=off"]
    process = subprocess.Popen(
        [qemu_path, *machine, *kernel, "-plugin", f"{library},out={out}{options}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.read(1) == b">"
        process.stdin.write(command)
        process.stdin.flush()
        assert process.stdout.read(len(command)) == command
    finally:
        process.terminate()
        process.communicate(timeout=20)


def test_against_cycles_computed_by_hand() -> None:
    """tests/board_firmware/region.S says how many times each instruction runs and what it costs."""
    with open_port(f"{URL}?count=1", timeout=20) as port:
        assert port.read(1) == b">"
        port.write(b"R")
        assert port.read(1) == b"R"
        (region,) = port.board.regions()
    loop = (1 + 3 + 3, 1 + 3 + (3 + 2 * 2))
    loads = (3, 2 + 1 + 2)
    multiples = (4, 1 + 4 + 4 + 1)
    calls = (5, 1 + 6 + 3 + 3 + (2 + 1))
    assert region.segments == ((loop[0] + loads[0], loop[1] + loads[1]), multiples, calls)
    assert (region.instructions, region.cycles) == (19, 42)


def test_floats_against_cycles_computed_by_hand() -> None:
    """A result that the next instruction needs is a cycle late (TRM 7.2.3)."""
    with open_port(f"{URL}?count=1", timeout=20) as port:
        assert port.read(1) == b">"
        port.write(b"V")
        assert port.read(1) == b"V"
        (region,) = port.board.regions()
    assert (region.instructions, region.cycles) == (10, 1 + (1 + 1) + 1 + 2 + 1 + (1 + 1) + 1 + (1 + 1) + 3 + 14)


def test_every_region_has_its_record() -> None:
    with open_port(f"{URL}?count=1", timeout=20) as port:
        assert port.read(1) == b">"
        port.write(b"RRM")
        assert port.read(3) == b"RRM"
        regions = port.board.regions()
    assert [len(r.segments) for r in regions] == [3, 3, 2]
    for region in regions:
        assert region.instructions == sum(i for i, _ in region.segments)
        assert region.cycles == sum(c for _, c in region.segments)


@pytest.mark.parametrize(("option", "more"), [("div=12", 6), ("P=3", 4), ("unal=0", -1), ("agu=1", 0)])
def test_options(option: str, more: int, tmp_path: Path) -> None:
    built = plugin.build()
    assert isinstance(built, Path)
    run_region(b"R", built, tmp_path / "out", f",{option}")
    assert json.loads((tmp_path / "out").read_text())["cycles"] == 42 + more


def reference_model() -> Path | None:
    folder = os.environ.get("MCUFORGE_REFERENCE")
    path = Path(folder) / "tools" / "m4cycles.c" if folder else None
    return path if path and path.is_file() else None


@pytest.mark.parametrize("command", [b"R", b"M"])
def test_same_counts_as_the_reference_model(command: bytes, tmp_path: Path) -> None:
    reference = reference_model()
    if reference is None:
        pytest.skip("MCUFORGE_REFERENCE names no folder with tools/m4cycles.c")
    theirs, ours = plugin.build(reference), plugin.build()
    assert isinstance(theirs, Path)
    assert isinstance(ours, Path)
    run_region(command, theirs, tmp_path / "theirs")
    run_region(command, ours, tmp_path / "ours", ",vfp=0")
    record = json.loads((tmp_path / "ours").read_text())
    text = (tmp_path / "theirs").read_text()
    total = re.search(r"total insns (\d+) cycles (\d+) taken (\d+) pipelined_loads (\d+) crossing (\d+)", text)
    assert total
    keys = ("instructions", "cycles", "taken", "pipelined_loads", "crossing")
    assert [record[key] for key in keys] == [int(n) for n in total.groups()]
    segments = re.findall(r"segment \d+ insns (\d+) cycles (\d+)", text)
    assert record["segments"] == [[int(i), int(c)] for i, c in segments]
    classes = re.findall(r"class (.+?) +n +(\d+)  cycles +(\d+)", text)
    assert record["classes"] == {name: [int(n), int(c)] for name, n, c in classes}
    assert len(classes) >= (12 if command == b"M" else 8)


def test_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCUFORGE_CACHE", str(tmp_path))
    first = plugin.build()
    assert isinstance(first, Path)
    stamp = first.stat().st_mtime_ns
    assert plugin.build() == first
    assert first.stat().st_mtime_ns == stamp
    assert [p.name for p in tmp_path.iterdir()] == [first.name]


def test_a_plugin_that_does_not_compile_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCUFORGE_CACHE", str(tmp_path / "cache"))
    broken = tmp_path / "broken.c"
    broken.write_text("not C\n")
    reason = plugin.build(broken)
    assert isinstance(reason, str)
    assert "does not build the cycle model" in reason
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_emulator_with_another_plugin_interface_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """QEMU refuses what names a version that it does not have; the board then counts instructions only."""
    newer = tmp_path / "m4cycles.c"
    newer.write_text(plugin.source().read_text().replace("qemu_plugin_version = 1", "qemu_plugin_version = 99"))
    monkeypatch.setattr(plugin, "source", lambda: newer)
    monkeypatch.setattr(plugin, "prepare", plugin.prepare.__wrapped__)
    with open_port(f"{URL}?count=1", timeout=20) as port:
        assert "QEMU does not load the cycle model" in port.board.no_cycles
        assert "version" in port.board.no_cycles
        assert port.read(1) == b">"
        assert port.board.regions() == []


def test_commas_in_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCUFORGE_CACHE", str(tmp_path / "a,cache"))
    monkeypatch.setenv("MCUFORGE_STATE", str(tmp_path / "a,state"))
    monkeypatch.setattr(plugin, "prepare", plugin.prepare.__wrapped__)
    flash(firmware(), TARGET, choice())
    with open_port(f"{URL}?count=1", timeout=20) as port:
        assert port.board.no_cycles == ""
        assert port.read(1) == b">"
        port.write(b"R")
        assert port.read(1) == b"R"
        assert len(port.board.regions()) == 1
