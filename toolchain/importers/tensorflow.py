"""TensorFlow on demand: imported when a float model is read, and kept from writing to the terminal.

TensorFlow and its C++ parts write to file descriptors 1 and 2 whatever the log level is, so ``captured``
redirects the descriptors themselves.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

from toolchain.errors import ToolError

INSTALL_HINT = "pip install 'mcuforge[keras]'"

_LOGGERS = ("tensorflow", "tf_keras", "absl", "h5py")


class Captured:
    """What was written while ``captured`` was open; complete once it is closed."""

    text = ""


@contextlib.contextmanager
def captured(python_too: bool = False) -> Iterator[Captured]:
    """Keep TensorFlow's chatter off the terminal; what Python writes, a progress bar say, gets there.

    ``python_too`` holds that back as well, for packages that print from Python.
    """
    result = Captured()
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(tempfile.TemporaryFile())
        stack.callback(lambda: _read_back(log, result))
        for name in ("stdout", "stderr"):
            stack.enter_context(_redirected(name, log.fileno(), not python_too))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield result


def _read_back(log: Any, result: Captured) -> None:
    log.seek(0)
    result.text = log.read().decode("utf-8", "replace")


@contextlib.contextmanager
def _redirected(name: str, sink: int, spare_python: bool) -> Iterator[None]:
    """Point the descriptor behind ``sys.<name>`` at ``sink``; ``sys.<name>`` keeps the old one if spared."""
    stream: TextIO = getattr(sys, name)
    number = {"stdout": 1, "stderr": 2}[name]
    with contextlib.suppress(ValueError, OSError):
        stream.flush()
    try:
        saved = os.dup(number)
    except OSError:  # closed by a parent that wants no output: nothing to protect
        yield
        return
    os.dup2(sink, number)
    try:
        if spare_python and not _owns(stream, number):  # a buffer of somebody else, which the descriptor is not behind
            yield
            return
        target = saved if spare_python else number
        with os.fdopen(target, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False) as python_stream:
            setattr(sys, name, python_stream)
            yield
    finally:
        setattr(sys, name, stream)
        os.dup2(saved, number)
        os.close(saved)


def _owns(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (AttributeError, ValueError, io.UnsupportedOperation):
        return False


def tensorflow() -> Any:
    """The ``tensorflow`` module, quiet; ToolError when it is not installed."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Results should not depend on which blocked kernels oneDNN picks for the machine at hand.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    # AutoGraph imports functions from files in the temporary folder, where their byte code would stay.
    sys.dont_write_bytecode = True
    return _import("tensorflow")


def keras3() -> Any:
    """Keras 3 on TensorFlow."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = "tensorflow"
    tensorflow()
    keras = _import("keras")
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ToolError(
            f"Keras runs on {backend} in this process", "set KERAS_BACKEND=tensorflow before importing keras"
        )
    return keras


def keras2() -> Any:
    """Legacy Keras 2, which reads the files that Keras 3 does not."""
    tensorflow()
    return _import("tf_keras")


def _import(name: str) -> Any:
    if name in sys.modules:
        return sys.modules[name]
    try:
        with captured():
            module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ToolError(
            f"reading Keras models needs the package {error.name}, which is not installed", INSTALL_HINT
        ) from error
    for logger in _LOGGERS:
        logging.getLogger(logger).setLevel(logging.ERROR)
    return module
