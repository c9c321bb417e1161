"""The line that installs a program of the system, for messages."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

# Package manager: its program, and how packages are installed with it.
_MANAGERS = {
    "apt": ("apt-get", "sudo apt-get install"),
    "dnf": ("dnf", "sudo dnf install"),
    "brew": ("brew", "brew install"),
}


def install_line(packages: Mapping[str, str]) -> str:
    """The line for this machine's package manager; for every manager known when it has none of them.

    ``packages`` maps a manager to what it installs; empty when it knows none.
    """
    lines = {name: f"{line} {packages[name]}" for name, (_, line) in _MANAGERS.items() if name in packages}
    here = [line for name, line in lines.items() if shutil.which(_MANAGERS[name][0])]
    return here[0] if here else ", or ".join(lines.values())


def install_hint(packages: Mapping[str, str]) -> str:
    """The same as a sentence."""
    line = install_line(packages)
    return f"Install it: {line}" if line else "Install it, or put it on the PATH."
