"""What the command line writes: results on stdout, everything else on stderr."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolchain.progress import Progress

if TYPE_CHECKING:
    from rich import progress
    from rich.console import Console, RenderableType


@dataclass
class Output:
    """How results, errors and progress reach the user.

    ``as_json``: stdout holds one JSON document and nothing else. ``quiet``: no tables and no progress; errors
    and warnings stay.
    """

    as_json: bool = False
    quiet: bool = False
    _stdout: int | None = field(default=None, repr=False)

    @property
    def stdout(self) -> Console:
        from rich.console import Console

        return Console()

    @property
    def stderr(self) -> Console:
        from rich.console import Console

        return Console(stderr=True)

    def progress(self) -> Progress:
        return QuietProgress(self.stderr) if self.quiet else RichProgress(self.stderr)

    @contextlib.contextmanager
    def guard_stdout(self) -> Iterator[None]:
        """With --json, send what libraries print to stdout to stderr, native code included."""
        if not self.as_json:
            yield
            return
        sys.stdout.flush()
        self._stdout = os.dup(1)
        os.dup2(2, 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(self._stdout, 1)
            os.close(self._stdout)
            self._stdout = None

    def result(self, value: Any, render: Callable[[], RenderableType]) -> None:
        """Print a result: ``value`` as JSON, or what ``render`` makes for people."""
        if self.as_json:
            self._write_json(value)
        elif not self.quiet:
            self.stdout.print(render())

    def error(self, problem: str, hint: str) -> None:
        """Tell what is wrong and what to do about it."""
        if self.as_json:
            self._write_json({"error": {"problem": problem, "hint": hint}})
            return
        from rich.text import Text

        text = Text.assemble(("error: ", "bold red"), problem)
        if hint:
            text.append("\n hint: ", style="bold cyan").append(hint)
        self.stderr.print(text, soft_wrap=True)

    def version(self, number: str) -> None:
        """Print the version, which --quiet does not silence."""
        if self.as_json:
            self._write_json({"version": number})
        else:
            print(f"mcuforge {number}")

    def interrupted(self, number: int) -> int:
        """Say that a signal ended the run; returns the exit code that shells expect of it."""
        print("interrupted" if number == signal.SIGINT else "terminated", file=sys.stderr)
        return 128 + number

    def _write_json(self, value: Any) -> None:
        text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain) + "\n"
        if self._stdout is None:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        with open(self._stdout, "w", encoding="utf-8", closefd=False) as out:
            out.write(text)


def _plain(value: Any) -> Any:
    """Dataclasses and paths as JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


class QuietProgress(Progress):
    """No progress, but warnings are told."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._noted: set[str] = set()

    def note(self, text: str) -> None:
        from rich.text import Text

        if text in self._noted:  # a command that deploys a model in many formats meets the same trouble in each
            return
        self._noted.add(text)
        self._console.print(Text.assemble(("warning: ", "bold yellow"), text), soft_wrap=True)


class RichProgress(QuietProgress):
    """A bar for each open step on a terminal, a line for each finished step everywhere."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._bars: progress.Progress | None = None
        if console.is_terminal and sys.stdin.isatty():
            self.ask = self._ask

    def info(self, text: str) -> None:
        self._console.print(text, style="dim", markup=False, highlight=False, soft_wrap=True)

    def _ask(self, text: str) -> None:
        """Bars would draw over the question."""
        if self._bars is not None:
            self._bars.stop()
        try:
            self._console.print(text, style="bold", markup=False, soft_wrap=True)
            self._console.input("Press Enter when that is done: ")
        finally:
            if self._bars is not None:
                self._bars.start()

    @contextlib.contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        started = time.monotonic()
        if self._console.is_terminal:
            with self._display() as bars:
                task = bars.add_task(title, total=total)
                try:
                    yield lambda done: bars.advance(task, done)
                finally:
                    bars.remove_task(task)
        else:
            yield lambda done: None
        self._console.print(f"{title}: {time.monotonic() - started:.1f} s", style="dim", markup=False, highlight=False)

    @contextlib.contextmanager
    def _display(self) -> Iterator[progress.Progress]:
        """The one live display, which steps within steps share."""
        if self._bars is not None:
            yield self._bars
            return
        from rich import progress

        columns = (
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TimeElapsedColumn(),
        )
        with progress.Progress(*columns, console=self._console, transient=True) as self._bars:
            try:
                yield self._bars
            finally:
                self._bars = None
