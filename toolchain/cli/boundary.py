"""Where every run of the command line ends: results become an exit code, mendable errors a message.

Exit codes: 0 done, 1 ``doctor`` found something missing, 2 an error that the user can mend, 128 + n a signal
(130 for Ctrl-C). Anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

import contextlib
import errno
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import NoReturn

import typer

from toolchain.cli.console import Output
from toolchain.errors import UserError

# What a full or read-only disk, or a folder of somebody else, looks like.
_MENDABLE = {
    errno.ENOSPC: "Make room on that disk, or give another folder with --out.",
    errno.EDQUOT: "Make room within the quota, or give another folder with --out.",
    errno.EFBIG: "The system limits the size of a file there: give another folder with --out.",
    errno.EACCES: "Change its permissions, or give another path.",
    errno.EPERM: "Change its permissions, or give another path.",
    errno.EROFS: "That file system is read-only: give another folder with --out.",
    errno.ENAMETOOLONG: "Give a shorter path.",
    errno.EISDIR: "A folder is in the way: give another path.",
    errno.ENOTDIR: "A file is in the way: give another path.",
}

_CTRL_C = 128 + signal.SIGINT


class _Terminated(BaseException):
    """A signal that asks the process to end; everything that was started is cleaned up on the way."""

    def __init__(self, number: int) -> None:
        self.number = number


def main() -> NoReturn:
    """Run the command line of this process and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run ``mcuforge`` with ``arguments`` and return its exit code."""
    from toolchain.cli.app import app

    # An error can come before the options are parsed, and must be told in the form that was asked for.
    output = Output(as_json="--json" in arguments, quiet="--quiet" in arguments or "-q" in arguments)
    try:
        with _signals(), output.guard_stdout():
            result = app(list(arguments), prog_name="mcuforge", standalone_mode=False, obj=output)
        # Typer turns Ctrl-C into this exit code by itself.
        return output.interrupted(signal.SIGINT) if result == _CTRL_C else int(result or 0)
    except UserError as e:
        output.error(e.problem, e.hint)
        return e.exit_code
    except typer.TyperException as e:
        command = getattr(getattr(e, "ctx", None), "command_path", "mcuforge")
        if e.format_message():  # empty when the help was printed because nothing was asked for
            output.error(e.format_message(), f"See: {command} --help")
        return 2
    except OSError as e:
        if e.errno not in _MENDABLE:
            raise
        where = f"{e.filename}: " if e.filename else ""
        output.error(f"{where}{e.strerror}", _MENDABLE[e.errno])
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return output.interrupted(signal.SIGINT)
    except _Terminated as e:
        return output.interrupted(e.number)


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Turn the signals that end a process into an exception, so that no emulator and no file is left behind."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        raise _Terminated(number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    try:
        before = {number: signal.signal(number, end) for number in numbers}
    except ValueError:  # not the main thread: signals are the caller's business
        before = {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
