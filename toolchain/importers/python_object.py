"""``module:function`` and ``file.py:function``: things that the user's own Python makes."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from toolchain.errors import UserError

_USERS_CODE = "mend it there; the message is from your own code"
_SPEC = re.compile(r"(?P<module>[A-Za-z_][\w.]*|.+\.py):(?P<function>[A-Za-z_]\w*)")


def is_object_spec(spec: str) -> bool:
    """Whether ``spec`` reads ``module:function`` and is no file."""
    return _SPEC.fullmatch(spec) is not None and not Path(spec).exists()


def call_object(spec: str, error: type[UserError]) -> Any:
    """Import the module (from the current directory too), call the function without arguments and return its result.

    ``error`` is raised for whatever the user's code does wrong, with the file and line where it happened.
    """
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise error(f"{spec} does not read module:function", "name both: package.module:function or file.py:function")
    # Standard output belongs to the results: what the user's code prints goes to the terminal beside them.
    with _importable(Path.cwd()), contextlib.redirect_stdout(sys.stderr):
        module = _load(match["module"], spec, error)
        function = getattr(module, match["function"], None)
        if not callable(function):
            raise error(f"{spec}: the module {match['module']} has no function {match['function']}", _known(module))
        try:
            return function()
        except UserError:
            raise
        except (Exception, SystemExit) as problem:
            raise error(f"{spec} failed: {_where(problem)}", _USERS_CODE) from problem


def public_objects(spec: str, error: type[UserError]) -> dict[str, Any]:
    """The classes and functions, by name, of a module or of a ``.py`` file, which is run. ``error`` as above."""
    with _importable(Path.cwd()), contextlib.redirect_stdout(sys.stderr):
        module = _load(spec, spec, error)
    return {name: value for name, value in vars(module).items() if callable(value) and not name.startswith("_")}


def _known(module: ModuleType) -> str:
    found = [n for n, f in vars(module).items() if getattr(f, "__module__", "") == module.__name__ and callable(f)]
    return f"it has {', '.join(found)}" if found else "it has no functions at all"


def _load(name: str, spec: str, error: type[UserError]) -> ModuleType:
    try:
        return _load_file(Path(name)) if name.endswith(".py") else importlib.import_module(name)
    except (ModuleNotFoundError, FileNotFoundError) as problem:
        missing = getattr(problem, "name", None) or name
        hint = f"looked in {Path.cwd()} and in the installed packages" if missing == name else f"{spec} imports it"
        raise error(f"{spec}: there is no module {missing}", hint) from problem
    except (Exception, SystemExit) as problem:
        raise error(f"{spec} could not be imported: {_where(problem)}", _USERS_CODE) from problem


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(path)
    loader = importlib.util.spec_from_file_location(path.stem, path)
    if loader is None or loader.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(loader)
    with _importable(path.resolve().parent):
        loader.loader.exec_module(module)
    return module


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    entry = os.fspath(folder)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)


def _where(problem: BaseException) -> str:
    if isinstance(problem, SyntaxError):  # says itself where it is
        return f"SyntaxError: {problem}"
    frames = traceback.extract_tb(problem.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(problem).__name__}: {problem}{place}"
