"""Every emulated target takes a whole model from the command line, and its virtual board behaves as a board does."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import model_kit
import numpy as np
import pytest
from board_kit import is_alive
from support.cores import EMULATED, OTHER_CORES, need_tools

import toolchain.report
from toolchain.cli import run
from toolchain.errors import BoardError, TargetError
from toolchain.flashers import FlashImage, choose, flash
from toolchain.front import TFLITE_FILE
from toolchain.ports import PortChoice, find_port, open_port
from toolchain.results import CYCLES_MODELLED, INSTRUCTIONS
from toolchain.target import Target, load_target
from toolchain.virtual import plugin

SAMPLES = 8


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A quantized model and its data in a folder."""
    folder = tmp_path_factory.mktemp("model")
    data = {"x_calib": model_kit.images(40), "x_test": model_kit.images(SAMPLES, 1), "y_test": np.arange(SAMPLES) % 4}
    np.savez(folder / "small.npz", **data)
    model_kit.save_quietly(model_kit.small_model(), folder / "small.keras")
    command = ["deploy", str(folder / "small.keras"), "--data", str(folder / "small.npz"), "--runs", "1"]
    assert run([*command, "--out", str(folder / "out"), "--quiet", "--port", "virtual://stm32f405"]) == 0
    return folder


def _url(target: Target) -> str:
    assert target.emulator is not None
    return f"virtual://{target.emulator.board}"


def _virtual(target: Target) -> PortChoice:
    return find_port(target, _url(target))


@pytest.mark.parametrize("name", EMULATED)
def test_a_model_is_deployed(name: str, files: Path, tmp_path: Path) -> None:
    target = load_target(name)
    need_tools(target)
    out = tmp_path / "out"
    model = ["deploy", str(files / "out" / TFLITE_FILE), "--data", str(files / "small.npz"), "--target", name]
    assert run([*model, "--runs", "2", "--out", str(out), "--quiet", "--port", _url(target)]) == 0
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    schema = Path(toolchain.report.__file__).with_name("report.schema.json")
    jsonschema.validate(report, json.loads(schema.read_text(encoding="utf-8")))
    assert report["target"] == {"name": name, "core": target.core, "port": _url(target), "virtual": True}
    assert report["exactness"]["codes"] == SAMPLES * 4
    assert report["exactness"]["differing"] == 0
    assert report["memory"]["stack_bytes"] > 0
    units = {entry["unit"]: entry for entry in report["latency"]}
    assert set(units) == ({CYCLES_MODELLED, INSTRUCTIONS} if name == "stm32" else {INSTRUCTIONS})
    instructions = units[INSTRUCTIONS]
    assert instructions["min"] == instructions["max"] > 1000
    unit = report["layers"][0]["unit"]
    assert sum(layer["value"] for layer in report["layers"]) == pytest.approx(units[unit]["median"], rel=0.02)
    handed = [note for note in report["notes"] if "no boot loader" in note]
    assert len(handed) == (name != "stm32")
    if name in OTHER_CORES:
        _check_that_the_image_outlives_the_port_and_no_emulator_does(target)


def _check_that_the_image_outlives_the_port_and_no_emulator_does(target: Target) -> None:
    """What was deployed answers, also after a reset; two programs cannot have the board."""
    with open_port(_url(target)) as port:
        assert port.board.state == "running"
        pid = port.board.emulator_pid
        with pytest.raises(BoardError, match="busy"):
            open_port(_url(target))
        port.dtr = True
        assert not is_alive(pid)
        port.dtr = False
        again = port.board.emulator_pid
        assert again is not None
    assert not is_alive(again)


def test_a_new_board_is_blank_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCUFORGE_STATE", str(tmp_path))
    with open_port("virtual://mps2-an385") as port:
        assert "no vector table (blank)" in port.silence()


def test_only_a_chip_without_boot_loader_takes_an_image_from_outside() -> None:
    with open_port("virtual://stm32f405", dtr=True) as port, pytest.raises(BoardError, match="takes no image"):
        port.board.insert(b"\0" * 64, port.board.chip.origin)
    with open_port("virtual://mps2-an385") as port, pytest.raises(BoardError, match=r"is (running|locked up)"):
        port.board.insert(b"\0" * 64, 0)


def test_the_flasher_is_what_the_board_allows() -> None:
    m3, m4 = load_target("mps2-an385"), load_target("stm32")
    assert (choose(m3, _virtual(m3)), choose(m4, _virtual(m4))) == ("emulator", "an3155")
    image = FlashImage(bytes(64), 0)
    with pytest.raises(BoardError, match="no virtual board"):
        flash(image, m3, PortChoice("/dev/ttyUSB0", "an adapter"))
    with pytest.raises(BoardError, match="no table of flash sectors"):
        flash(image, m3, _virtual(m3), "an3155")
    with pytest.raises(TargetError, match="occupies"):
        flash(FlashImage(bytes(64), 0x20000000), m3, _virtual(m3))


def test_without_the_plugin_nothing_is_called_instructions(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick of this board's timer is many instructions; outputs are judged all the same."""
    monkeypatch.setattr(plugin, "prepare", lambda qemu: "no host compiler")
    out = tmp_path / "out"
    command = ["deploy", str(files / "out" / TFLITE_FILE), "--target", "mps2-an385", "--limit", "2", "--runs", "2"]
    assert run([*command, "--out", str(out), "--quiet", "--port", "virtual://mps2-an385"]) == 0
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["latency"] == []
    assert {(layer["unit"], layer["value"]) for layer in report["layers"]} == {(None, None)}
    assert "no instruction counts: no host compiler" in report["notes"]
    assert report["exactness"]["differing"] == 0
