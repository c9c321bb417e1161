"""The command line: options everywhere, errors without tracebacks, clean ends, stdout that is only JSON."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import toolchain
from toolchain.cli import boundary, run
from toolchain.cli.app import app
from toolchain.cli.console import QuietProgress, RichProgress
from toolchain.cli.options import default_out
from toolchain.errors import UserError

COMMANDS = (
    "deploy",
    "flash",
    "measure",
    "compile",
    "emulate",
    "profile",
    "inspect",
    "diff",
    "targets",
    "doctor",
    "compare",
    "sensitivity",
    "search",
    "finetune",
)
WITH_MODEL = COMMANDS[:7]


def cli(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolchain", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=60,
        check=False,
    )


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from toolchain.cli import run\n"
        "code = run(['--help'])\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'jinja2', 'pydantic', 'serial', 'toolchain.pipeline'}\n"
        "print('LOADED', code, sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "LOADED 0 []" in done.stdout


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = capsys.readouterr().out
    assert sorted(c.name or (c.callback.__name__ if c.callback else "") for c in app.registered_commands) == sorted(
        COMMANDS
    )
    for command in COMMANDS:
        assert command in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_common_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    text = capsys.readouterr().out
    for option in ("--json", "--quiet", "--version"):
        assert option in text


@pytest.mark.parametrize("arguments", [["--version"], *([c, "--version"] for c in COMMANDS)])
def test_version_everywhere(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert capsys.readouterr().out == f"mcuforge {toolchain.__version__}\n"


def test_version_as_json(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", "--version"]) == 0
    assert json.loads(capfd.readouterr().out) == {"version": toolchain.__version__}


@pytest.mark.parametrize("arguments", [["--json", "targets"], ["targets", "--json"]])
def test_json_before_and_after_the_command(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    found = json.loads(capfd.readouterr().out)
    assert {"host", "stm32"} <= {target["name"] for target in found}
    assert next(t for t in found if t["name"] == "stm32")["flash_bytes"] == 1 << 20


@pytest.mark.parametrize("arguments", [["--quiet", "targets"], ["targets", "-q"]])
def test_quiet_before_and_after_the_command(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert capsys.readouterr().out == ""


def test_targets_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["targets"]) == 0
    text = capsys.readouterr().out
    assert "virtual://stm32f405" in text
    assert "1024 KiB" in text


USAGE_ERRORS = {
    "no command": ["--json"],
    "unknown command": ["fly"],
    "unknown option": ["targets", "--fast"],
    "no model": ["deploy"],
    "bad choice": ["deploy", "m.keras", "--flasher", "hammer"],
    "bad number": ["deploy", "m.keras", "--runs", "many"],
    "number out of range": ["deploy", "m.keras", "--runs", "0"],
    "unknown target": ["deploy", "m.keras", "--target", "z80"],
    "no such target file": ["inspect", "m.keras", "--target", "./nowhere/board.toml"],
}


@pytest.mark.parametrize("arguments", USAGE_ERRORS.values(), ids=USAGE_ERRORS.keys())
def test_usage_errors(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert "Traceback" not in capfd.readouterr().err


def test_a_usage_error_names_the_commands_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["deploy", "--fast", "m.keras"]) == 2
    text = capfd.readouterr()
    assert text.out == ""
    assert "--fast" in text.err
    assert "mcuforge deploy --help" in text.err
    assert run(["deploy", "--fast", "m.keras", "--json"]) == 2
    error = json.loads(capfd.readouterr().out)["error"]
    assert "--fast" in error["problem"]
    assert error["hint"] == "See: mcuforge deploy --help"


@pytest.mark.parametrize("command", WITH_MODEL)
def test_a_missing_model_is_an_error_with_a_hint(command: str, tmp_path: Path) -> None:
    done = cli(command, "missing.tflite", cwd=tmp_path)
    assert done.returncode == 2
    assert "missing.tflite" in done.stderr
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_an_error_as_json_is_all_of_stdout(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text("print('noise')\ndef model():\n    return 'no model'\n")
    done = cli("inspect", "noisy:model", "--json", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert set(json.loads(done.stdout)["error"]) == {"problem", "hint"}


def test_with_json_nothing_else_reaches_stdout() -> None:
    program = (
        "import os\n"
        "from toolchain.cli.console import Output\n"
        "output = Output(as_json=True)\n"
        "with output.guard_stdout():\n"
        "    print('from Python')\n"
        "    os.write(1, b'from C\\n')\n"
        "    output.result({'answer': 42}, lambda: 'a table')\n"
        "print('afterwards')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    document, _, rest = done.stdout.rpartition("}\n")
    assert json.loads(document + "}") == {"answer": 42}
    assert rest == "afterwards\n"
    assert sorted(done.stderr.splitlines()) == ["from C", "from Python"]


def test_a_target_description_of_ones_own_is_checked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    board = tmp_path / "my_board.toml"
    board.write_text("name = 'mine'\nclock = 3\n")
    assert run(["inspect", "m.tflite", "--target", str(board)]) == 2
    text = capfd.readouterr().err
    assert "my_board.toml" in text
    assert "clock" in text


def _raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr("toolchain.target.load_target", fail)


def test_problem_and_hint_are_printed_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    _raising(monkeypatch, UserError("layer [bold]x[/bold] is odd: " + "long " * 40, "Do [this]."))
    assert run(["targets"]) == 2
    text = capfd.readouterr().err
    assert "error: layer [bold]x[/bold] is odd: " + "long " * 40 in text
    assert " hint: Do [this]." in text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.ENAMETOOLONG])
def test_a_full_or_closed_disk_is_told(
    number: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    _raising(monkeypatch, OSError(number, os.strerror(number), "out/report.json"))
    assert run(["targets", "--json"]) == 2
    error = json.loads(capfd.readouterr().out)["error"]
    assert error["problem"] == f"out/report.json: {os.strerror(number)}"
    assert error["hint"]


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    _raising(monkeypatch, OSError(errno.ECHILD, "No child processes"))
    with pytest.raises(OSError, match="No child processes"):
        run(["targets"])
    _raising(monkeypatch, ZeroDivisionError("bug"))
    with pytest.raises(ZeroDivisionError):
        run(["targets"])


@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_signal_ends_the_run_cleanly(number: int, word: str, options: list[str], tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import pathlib, time\n"
        "try:\n    pathlib.Path('started').touch()\n    time.sleep(60)\n"
        "finally:\n    pathlib.Path('cleaned').touch()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "toolchain", "inspect", "slow:model", *options],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not (tmp_path / "started").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number, err
    assert out == ""
    assert word in err
    assert "Traceback" not in err
    assert (tmp_path / "cleaned").exists()


def test_signal_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    assert run(["targets", "-q"]) == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_stdout_that_closes_early_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "toolchain", "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    text = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=60)
    assert "Traceback" not in text


def test_progress_off_a_terminal_is_a_line_a_step() -> None:
    out = io.StringIO()
    progress = RichProgress(Console(file=out))
    with progress.step("Quantizing [x]", 3) as advance:
        advance(3)
        with progress.step("inner") as inner:
            inner(1)
    lines = out.getvalue().splitlines()
    assert [line.rpartition(":")[0] for line in lines] == ["inner", "Quantizing [x]"]
    assert all(line.endswith(" s") for line in lines)


def test_progress_on_a_terminal_survives_steps_within_steps_and_errors() -> None:
    out = io.StringIO()
    progress = RichProgress(Console(file=out, force_terminal=True))

    def fail() -> None:
        with progress.step("outer", 10) as advance:
            advance(5)
            with progress.step("inner"):
                progress.note("a warning")
                raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    with progress.step("again"):
        pass
    assert "a warning" in out.getvalue()
    assert "again: " in out.getvalue()
    assert "inner: " not in out.getvalue()


def test_quiet_progress_still_warns_once_of_each() -> None:
    out = io.StringIO()
    progress = QuietProgress(Console(file=out, width=200))
    with progress.step("hidden"):
        progress.note("only [8] samples")
        progress.note("only [8] samples")
    assert out.getvalue() == "warning: only [8] samples\n"


@pytest.mark.parametrize(
    ("model", "name", "what", "expected"),
    [
        ("models/kws.keras", None, "", "kws"),
        ("models/kws_saved/", None, "profile", "kws_saved-profile"),
        ("package.module:build_net", None, "", "build_net"),
        ("a b.h5", None, "c", "a_b-c"),
        ("m.h5", "mine", "", "mine"),
        ("../", None, "", "model"),
    ],
)
def test_default_folder(model: str, name: str | None, what: str, expected: str) -> None:
    assert default_out(model, name, what) == Path("mcuforge-out") / expected


def test_main_exits_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["mcuforge", "--version"])
    with pytest.raises(SystemExit) as caught:
        boundary.main()
    assert caught.value.code == 0
