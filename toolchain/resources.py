"""Where the C templates and the target descriptions lie: in the wheel, or beside the package in a checkout."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def templates() -> Path:
    """The folder ``firmware_templates``."""
    return _folder("firmware_templates")


def targets() -> Path:
    """The folder ``targets``."""
    return _folder("targets")
