"""Folders that cannot be written and runs that are cut short: whole results or none, and nothing left running."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import model_kit
import numpy as np
import pytest
from board_kit import dies
from job_kit import URL, checked_refusal, contents, deployed, document, refused, small
from processes import descendants

from toolchain.cli import run

COMMANDS = {
    "deploy": ["--port", URL],
    "profile": ["--port", URL],
    "emulate": [],
    "compile": [],
}


def model() -> str:
    return str(small() / "small.tflite")


@pytest.mark.parametrize("command", COMMANDS)
def test_files_of_somebody_else_are_left_alone(
    command: str, workplace: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (workplace / "mine" / "deep").mkdir(parents=True)
    for name in ("thesis.txt", "deep/data.csv"):
        (workplace / "mine" / name).write_text("irreplaceable")
    before = contents(workplace)
    refusal = refused(capfd, command, model(), *COMMANDS[command], "--out", "mine")
    assert "deep/data.csv, thesis.txt" in refusal.problem
    assert "--out" in refusal.hint
    assert contents(workplace) == before


def test_a_file_added_to_the_results_is_not_lost(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["compile", model(), "--out", "c", "--quiet"]) == 0
    (workplace / "c" / "notes.txt").write_text("why it works")
    assert "notes.txt" in refused(capfd, "compile", model(), "--out", "c").problem
    assert (workplace / "c" / "notes.txt").read_text() == "why it works"


def test_results_replace_older_results(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Of another kind, too: nothing of the old ones stays."""
    document(capfd, "deploy", model(), "--port", URL, "--limit", "1", "--out", "out")
    assert (workplace / "out" / "firmware.elf").is_file()
    compiled = document(capfd, "compile", model(), "--out", "out", "--name", "net")
    assert sorted(p.name for p in (workplace / "out").iterdir()) == sorted([*compiled["files"], ".mcuforge.json"])


@pytest.mark.parametrize("command", COMMANDS)
def test_the_place_is_a_file(command: str, workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (workplace / "out").write_text("a file")
    refusal = refused(capfd, command, model(), *COMMANDS[command], "--out", "out")
    assert "is a file" in refusal.problem
    (workplace / "plain").write_text("a file")
    assert "plain" in refused(capfd, command, model(), *COMMANDS[command], "--out", "plain/out").problem
    assert (workplace / "out").read_text() == (workplace / "plain").read_text() == "a file"


def test_places_that_the_system_refuses(workplace: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refusal = refused(capfd, "compile", model(), "--out", "/proc/mcuforge/out")
    assert "/proc/mcuforge/out" in refusal.problem
    assert "--out" in refusal.hint
    assert "too long" in refused(capfd, "compile", model(), "--out", "x" * 300).problem


def test_a_parent_that_may_not_be_written(workplace: Path) -> None:
    """As root, too: a process without the privilege to pass over permissions."""
    wrapper = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    (workplace / "closed").mkdir(mode=0o500)
    command = [*wrapper, sys.executable, "-m", "toolchain", "compile", model(), "--out", "closed/out", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    refusal = checked_refusal(done.returncode, done.stdout, done.stderr)
    assert "closed/out: cannot be written: Permission denied" in refusal.problem


# How many bytes a file may have: too few for the report, the model, the image, the ELF file, the objects.
@pytest.mark.parametrize("limit", [64, 3000, 8192, 12000, 19000])
def test_no_room_for_the_results(limit: int, workplace: Path) -> None:
    """A limit on a file's size is the nearest that an ordinary user gets to a full disk."""
    shutil.copytree(deployed(), workplace / "out")
    before = contents(workplace)

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "toolchain", "emulate", model(), "--out", "out", "--json", "--limit", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limited)
    checked_refusal(done.returncode, done.stdout, done.stderr)
    assert contents(workplace) == before


# Stage: arguments, and the line on stderr after which it has begun.
LONG = ["--port", URL, "--out", "out"]
STAGES: dict[str, tuple[list[str], str]] = {
    "quantizing": (["deploy", "KERAS", "--data", "many.npz", *LONG], "Loading the model"),
    "building": (["deploy", "TFLITE", *LONG], "Generating C"),
    "flashing": (["deploy", "TFLITE", "--port", f"{URL}?timing=1", "--out", "out"], "Building the firmware"),
    "timing": (["deploy", "TFLITE", "--runs", "10000", *LONG], "Verifying"),
    "evaluating": (["deploy", "TFLITE", "--evaluation", "many.npz", *LONG], "Measuring latency"),
    "emulating": (["emulate", "TFLITE", "--evaluation", "many.npz", "--out", "out"], "Measuring latency"),
}
ENDINGS: dict[str, tuple[int, Callable[[int], None]]] = {
    "Ctrl-C": (130, lambda pid: os.killpg(pid, signal.SIGINT)),  # as a terminal does it
    "SIGTERM": (143, lambda pid: os.kill(pid, signal.SIGTERM)),
    "SIGKILL": (-9, lambda pid: os.kill(pid, signal.SIGKILL)),
}


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More samples than any test waits for."""
    path = tmp_path_factory.mktemp("many") / "many.npz"
    images = np.tile(model_kit.images(1000), (60, 1, 1, 1))
    np.savez(path, x_calib=images, x_test=images)
    return path


def interrupted(stage: str, ending: str, many: Path, tmp_path: Path) -> tuple[int, str, float, set[int]]:
    """Exit code, stderr, seconds until the end, and every process that was seen below."""
    arguments, line = STAGES[stage]
    names = {"KERAS": str(small() / "small.keras"), "TFLITE": model(), "many.npz": str(many)}
    log = tmp_path / "stderr"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "toolchain", *(names.get(a, a) for a in arguments)],
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    seen: set[int] = set()
    running: set[int] = set()
    deadline = time.monotonic() + 60
    while line not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        seen |= descendants(process.pid)
        time.sleep(0.01)
    time.sleep(0.15)
    # The compiler, QEMU, or the generated C itself; quantizing and the virtual boot loader are in the process.
    while stage not in ("quantizing", "flashing") and not (running := descendants(process.pid)):
        assert process.poll() is None, log.read_text()
        time.sleep(0.01)
    seen |= running
    begin = time.monotonic()
    ENDINGS[ending][1](process.pid)
    out, _ = process.communicate(timeout=60)
    assert out == b""
    return process.returncode, log.read_text(), time.monotonic() - begin, seen


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("stage", STAGES)
def test_cut_short(stage: str, ending: str, many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("TMPDIR", str(temporary))
    code, err, seconds, seen = interrupted(stage, ending, many, tmp_path)
    assert code == ENDINGS[ending][0], err
    assert seconds < 5
    assert "Traceback" not in err
    assert all(dies(pid, 15) for pid in seen)
    left = {p.name for p in work.iterdir()}
    if ending == "SIGKILL":
        assert all(name.startswith(".out.") for name in left)
        assert len(left) <= 1
    else:
        assert left == set()
        assert list(temporary.iterdir()) == []
    # The board is free, and the next run works.
    if stage in ("flashing", "timing"):
        assert run(["deploy", model(), "--port", URL, "--out", "out", "--limit", "1", "--quiet"]) == 0
