"""The errors that a user can mend.

The command line prints ``problem`` and ``hint`` without a traceback and ends with exit code 2.
Anything else that escapes is a bug in mcuforge and keeps its traceback.
"""

from __future__ import annotations


class UserError(Exception):
    """Something outside mcuforge is wrong and the user can put it right.

    ``problem`` says what is wrong and where (file, layer, port); ``hint`` says what to do.
    """

    exit_code = 2

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.problem}\n{self.hint}" if self.hint else self.problem


class ModelError(UserError):
    """The model cannot be read, is damaged, or holds something that is not supported."""


class DataError(UserError):
    """The data set is missing, has the wrong shape or type, or cannot serve its purpose."""


class TargetError(UserError):
    """A target description is wrong, or the model does not fit the target."""


class ToolError(UserError):
    """A compiler, an emulator or a package is missing or failed."""


class BoardError(UserError):
    """The board or its port: busy, gone, silent, or running another firmware."""
