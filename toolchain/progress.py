"""How long steps tell the user where they are. The library is silent; the command line shows bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Progress:
    """The silent base. ``step`` brackets one stage, ``info`` tells a fact, ``note`` carries a warning.

    ``ask``, where somebody is there to answer, shows what to do with the board and returns when it is done.
    """

    ask: Callable[[str], None] | None = None

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Open a stage of ``total`` units (unknown when None); call what is yielded with the units done since."""
        yield lambda done: None

    def info(self, text: str) -> None:
        """A fact worth a line in the terminal."""

    def note(self, text: str) -> None:
        """A warning that belongs into the terminal and the report."""
