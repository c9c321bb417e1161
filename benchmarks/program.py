"""How a benchmark ends as a program of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from toolchain.errors import UserError


def exit_with(run: Callable[[Sequence[str]], int]) -> None:
    """End with what ``run`` returns for the command line; with 2 and its words for what the user can mend."""
    try:
        sys.exit(run(sys.argv[1:]))
    except UserError as e:
        print(f"Error: {e.problem}\n{e.hint}".rstrip(), file=sys.stderr)
        sys.exit(2)
