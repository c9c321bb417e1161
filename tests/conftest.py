"""What all tests share."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import descendants

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in a background job: its children would ignore Ctrl-C, too
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_virtual_board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A virtual board of this test process: not the user's, and not that of another pytest-xdist worker."""
    before = os.environ.get("MCUFORGE_STATE")
    os.environ["MCUFORGE_STATE"] = str(tmp_path_factory.mktemp("state"))
    yield
    if before is None:
        del os.environ["MCUFORGE_STATE"]
    else:
        os.environ["MCUFORGE_STATE"] = before


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory of a job. Afterwards no process, no temporary file and no hidden folder may be left."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    before = descendants()
    yield work
    # Another test's module of the same name is another module.
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(work)):
            del sys.modules[name]
    # TensorFlow removes its own when the process ends.
    assert [p.name for p in temporary.iterdir() if not p.name.startswith("__autograph_generated_file")] == []
    assert [p.name for p in work.iterdir() if p.name.startswith(".")] == []
    assert descendants() <= before


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What did not run must be seen, also among passed tests."""
    if not os.environ.get("MCUFORGE_REFERENCE"):
        terminalreporter.write_line(
            "MCUFORGE_REFERENCE is not set: the five MLPerf Tiny reference models were not run, only their twins."
        )
