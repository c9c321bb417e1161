"""Where the virtual boards keep their flash, and where built plugins are cached."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def state_folder() -> Path:
    """``$MCUFORGE_STATE/virtual``, else ``$XDG_STATE_HOME/mcuforge/virtual``, else below ``~/.local/state``."""
    chosen = os.environ.get("MCUFORGE_STATE")
    base = Path(chosen) if chosen else _xdg("XDG_STATE_HOME", ".local/state") / "mcuforge"
    return base / "virtual"


def cache_folder() -> Path:
    """``$MCUFORGE_CACHE``, else ``$XDG_CACHE_HOME/mcuforge``, else ``~/.cache/mcuforge`` (macOS: Library/Caches)."""
    chosen = os.environ.get("MCUFORGE_CACHE")
    fallback = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path(chosen) if chosen else _xdg("XDG_CACHE_HOME", fallback) / "mcuforge"


def _xdg(variable: str, below_home: str) -> Path:
    # The XDG specification: a relative path in the variable is invalid and ignored.
    value = os.environ.get(variable, "")
    return Path(value) if value and Path(value).is_absolute() else Path.home() / below_home
