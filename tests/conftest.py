"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What did not run must be seen, also among passed tests."""
    if not os.environ.get("MCUFORGE_REFERENCE"):
        terminalreporter.write_line(
            "MCUFORGE_REFERENCE is not set: the five MLPerf Tiny reference models were not run, only their twins."
        )
