"""Targets that are wrong or too small, and machines without compiler or emulator."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from job_kit import URL, board_toml, board_with, deployed, document, refused, refused_outside, small

from toolchain.build import _largest_layers
from toolchain.compile import compile_model
from toolchain.job import Job
from toolchain.progress import Progress
from toolchain.target import load_target
from toolchain.virtual import use_target
from toolchain.virtual.plugin import prepare

FLASH, RAM = 1 << 20, 128 << 10
OVER = re.compile(r"(\w+) \((\d+) bytes[^)]*\) is over by (\d+) bytes; the largest layers: (.*)")


@pytest.fixture(autouse=True)
def _bundled_board() -> Iterator[None]:
    """In one process the board stands for the description that named it last."""
    yield
    use_target(load_target("stm32"))


def model() -> str:
    return str(small() / "small.tflite")


def refused_sizes(
    capfd: pytest.CaptureFixture[str], flash: int, ram: int
) -> tuple[dict[str, tuple[int, int, str]], str]:
    """Region: (size, bytes over, layers), and the whole message."""
    board = str(board_with(Path("board.toml"), flash, ram))
    refusal = refused(capfd, "flash", model(), "--target", board, "--port", URL)
    assert "small does not fit stm32" in refusal.problem
    found = {m[1]: (int(m[2]), int(m[3]), m[4]) for m in OVER.finditer(refusal.problem)}
    return found, refusal.problem


@pytest.mark.parametrize("region", ["FLASH", "RAM"])
def test_bytes_over_are_exactly_what_is_missing(
    region: str, workplace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    small_size = 4096 if region == "FLASH" else 4096 + 256
    sizes = {"FLASH": FLASH, "RAM": RAM, region: small_size}
    found, message = refused_sizes(capfd, sizes["FLASH"], sizes["RAM"])
    assert set(found) == {region}
    size, over, layers = found[region]
    assert size == small_size
    assert ("the stack" in message) == (region == "RAM")
    assert len(layers.split(", ")) == 3

    sizes[region] = size + over - 1
    again, _ = refused_sizes(capfd, sizes["FLASH"], sizes["RAM"])
    assert again[region][1] == 1
    sizes[region] += 1
    board = str(board_with(Path("board.toml"), sizes["FLASH"], sizes["RAM"]))
    fits = document(capfd, "deploy", model(), "--target", board, "--port", URL, "--limit", "2", "--out", "out")
    if region == "FLASH":
        assert fits["memory"]["flash_bytes"] == sizes["FLASH"]
    else:
        used = fits["memory"]["ram_bytes"] + fits["memory"]["uart_buffer_bytes"]
        assert 0 <= sizes["RAM"] - 4096 - used <= 16, "what is left is the word that outlives a reset, and alignment"


def test_both_regions_are_told_at_once(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found, _ = refused_sizes(capfd, 4096, 4096 + 256)
    assert set(found) == {"FLASH", "RAM"}


def test_the_three_largest_layers_are_named_with_their_bytes() -> None:
    compiled = compile_model(Job(model(), load_target("stm32")), Progress())
    # Weights, 3x3 and 1 to 4 channels or 4 by itself, and 4 biases of 32 bits; the dense layer has no bias left.
    assert _largest_layers(compiled.plan, "flash")[:2] == [("conv2d", 36 + 16), ("conv2d_1", 36 + 16)]
    # Two inputs and an output of 8x8x4 each.
    assert _largest_layers(compiled.plan, "ram")[0] == ("conv2d_1_1", 3 * 8 * 8 * 4)


def test_a_large_model_does_not_fit(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A model that is too large for the chip itself: 1.2 million weights."""
    (workplace / "large.py").write_text(
        "import keras\n"
        "def model():\n"
        "    keras.utils.set_random_seed(0)\n"
        "    x = keras.Input((32,))\n"
        "    y = keras.layers.Dense(1024, name='wide')(x)\n"
        "    y = keras.layers.Dense(1024, name='huge')(y)\n"
        "    return keras.Model(x, keras.layers.Dense(128, name='last')(y))\n"
    )
    np.savez("rows.npz", x_calib=np.random.default_rng(0).random((40, 32), np.float32))
    refusal = refused(capfd, "deploy", "large:model", "--data", "rows.npz", "--port", URL, "--out", "out")
    match = OVER.search(refusal.problem)
    assert match is not None
    assert match[1] == "FLASH"
    assert 1_212_416 < FLASH + int(match[3]) < 1_212_416 + 40_000, "the weights and a firmware around them"
    assert match[4].split(" (")[0] == "huge"
    assert "1052672 bytes" in match[4] or "1048576 bytes" in match[4]
    assert not (workplace / "out").exists()


DESCRIPTIONS: dict[str, tuple[Callable[[str], str], list[str]]] = {
    "syntax": (lambda text: text.replace("[compiler]", "[compiler"), ["not valid TOML", "line"]),
    "binary": (lambda text: "name = '\\xff\\udcff'" + text, ["not valid TOML"]),
    "unknown_key": (lambda text: text.replace("baud = 115200", "bauds = 115200"), ["board.bauds"]),
    "no_memory": (lambda text: text.replace("[[memory]]", "[[memories]]"), ["memor"]),
    "no_ram": (lambda text: text.replace('kind = "ram"', 'kind = "flash"'), ["'ram'"]),
    "no_compiler": (lambda text: text.replace("[compiler]", "[compilers]"), ["compiler"]),
    "wrong_kind": (lambda text: text.replace('kind = "ram"', 'kind = "sram"'), ["memory.1.kind"]),
    "negative": (lambda text: text.replace("stack_bytes = 4096", "stack_bytes = -1"), ["board.stack_bytes"]),
    "sectors": (lambda text: text.replace("size = 0x100000", "size = 0x80000"), ["sectors", "1048576", "524288"]),
    "stack": (lambda text: text.replace("stack_bytes = 4096", "stack_bytes = 131072"), ["stack of 131072 bytes"]),
    "source": (lambda text: text.replace("board_stm32f4.c", "board_of_mine.c"), ["board_of_mine.c"]),
    "startup": (lambda text: text.replace("startup_cortex_m.c", "startup_of_mine.c"), ["startup_of_mine.c"]),
    "flags": (lambda text: text.replace('"-mthumb"', '"-mwings"'), ["arm-none-eabi-gcc failed", "-mwings"]),
}


@pytest.mark.parametrize("name", DESCRIPTIONS)
def test_descriptions(name: str, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    edit, words = DESCRIPTIONS[name]
    original = board_toml(Path("my_board.toml")).read_text()
    changed = edit(original)
    assert changed != original
    Path("my_board.toml").write_text(changed, encoding="utf-8", errors="surrogateescape")
    refusal = refused(capfd, "deploy", model(), "--target", "./my_board.toml", "--port", URL, "--out", "out")
    assert all(word in refusal.problem for word in words), refusal
    assert [p.name for p in workplace.iterdir()] == ["my_board.toml"]


OPTIONS = {
    "an unknown target": (["--target", "z80"], ["z80", "stm32"]),
    "a missing description": (["--target", "./mine.toml"], ["./mine.toml"]),
    "a target that is no board": (["--target", "host"], ["host is no board", "emulate"]),
    "an unknown flasher": (["--flasher", "hammer"], ["hammer", "an3155"]),
    "no runs": (["--runs", "0"], ["--runs"]),
    "fewer runs": (["--runs", "-3"], ["--runs"]),
    "no samples": (["--limit", "0"], ["--limit"]),
    "an unknown option": (["--fast"], ["--fast", "deploy --help"]),
}


@pytest.mark.parametrize("what", OPTIONS)
def test_options(what: str, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments, words = OPTIONS[what]
    refusal = refused(capfd, "deploy", model(), *arguments, "--out", "out")
    assert all(word in refusal.text for word in words), refusal
    assert list(workplace.iterdir()) == []


def path_with(folder: Path, *programs: str) -> dict[str, str]:
    """An environment whose PATH holds these programs alone, and a state and cache of its own."""
    folder.mkdir()
    for program in programs:
        found = shutil.which(program)
        assert found is not None
        (folder / program).symlink_to(found)
    own = {"PATH": str(folder), "MCUFORGE_STATE": str(folder.parent / "state")}
    return {**os.environ, **own, "MCUFORGE_CACHE": str(folder.parent / "cache")}


TOOLS = {
    "deploy": ((), ["arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"]),
    "flash": (("arm-none-eabi-gcc",), ["qemu-system-arm", "apt-get install qemu-system-arm"]),
    "emulate": (("arm-none-eabi-gcc", "qemu-system-arm"), ["gcc", "apt-get install gcc"]),
}


@pytest.mark.parametrize("command", TOOLS)
def test_missing_tools(command: str, workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    present, words = TOOLS[command]
    monkeypatch.delenv("CC", raising=False)
    target = ["--port", URL] if command != "emulate" else ["--out", "out"]
    refusal = refused_outside(command, model(), *target, cwd=workplace, env=path_with(tmp_path / "bin", *present))
    assert all(word in refusal.text for word in words), refusal
    assert list(workplace.iterdir()) == []


def test_without_a_host_compiler_there_are_no_cycles_and_it_says_so(
    workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    environment = path_with(tmp_path / "bin", "arm-none-eabi-gcc", "qemu-system-arm")
    for name in ("PATH", "MCUFORGE_CACHE"):
        monkeypatch.setenv(name, environment[name])
    prepare.cache_clear()
    try:
        report = document(capfd, "deploy", model(), "--port", URL, "--runs", "1", "--limit", "1", "--out", "out")
    finally:
        prepare.cache_clear()
    assert [entry["unit"] for entry in report["latency"]] == ["instructions (emulated)"]
    assert {layer["unit"] for layer in report["layers"]} == {"instructions (emulated)"}
    assert any("no modelled cycles: no host compiler" in note for note in report["notes"])


def test_measuring_a_build_needs_no_compiler(
    workplace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A lab's computer has the board; the compiler may be elsewhere."""
    folder = str(deployed())
    built = document(capfd, "measure", folder, "--port", URL, "--limit", "1", "--out", "with")
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin", "qemu-system-arm")["PATH"])
    document(capfd, "flash", folder, "--port", URL)
    measured = document(capfd, "measure", folder, "--port", URL, "--limit", "1", "--out", "without")
    assert measured["memory"] == built["memory"]
    assert "GCC" in measured["tools"]["compiler"]
