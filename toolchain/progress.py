"""How long steps tell the user where they are. The library is silent; the command line shows bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """The silent base. ``step`` brackets one stage, ``note`` carries a warning the user must see."""

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Open a stage of ``total`` units (unknown when None); call what is yielded with the units done since."""
        yield lambda done: None

    def note(self, text: str) -> None:
        """A warning that belongs into the terminal and the report."""
