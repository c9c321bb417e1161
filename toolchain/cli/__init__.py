"""The command line. ``main`` is the entry point of ``mcuforge`` and of ``python -m toolchain``.

Only Typer and Rich are imported before a command runs; the pipeline and what it needs come with the command.
"""

from __future__ import annotations

from toolchain.cli.boundary import main, run

__all__ = ["main", "run"]
