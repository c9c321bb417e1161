"""Builds the cycle model, a QEMU plugin in C, with this machine's compiler."""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from toolchain import resources
from toolchain.virtual.folders import cache_folder

_COMPILERS = ("cc", "gcc", "clang")
_FLAGS = ("-O2", "-shared", "-fPIC", "-Wall", "-Wextra")
_TIMEOUT = 60.0


@dataclass(frozen=True)
class Plugin:
    """``library`` is the built plugin, which this machine's QEMU has loaded once."""

    library: Path


@functools.lru_cache(maxsize=8)
def prepare(qemu: str) -> Plugin | str:
    """The cycle model for this QEMU, or the reason why there are no modelled cycles on this machine."""
    built = build()
    if isinstance(built, str):
        return built
    refused = _refusal(qemu, built)
    return f"QEMU does not load the cycle model: {refused}" if refused else Plugin(built)


def source() -> Path:
    """The plugin's C file."""
    return resources.templates() / "emulator" / "m4cycles.c"


def build(source_file: Path | None = None) -> Path | str:
    """Compile it, or find it compiled in the cache, where its name holds the hash of source and command.

    Returns a reason when there is no host compiler, it fails, or the cache cannot be written.
    """
    path = source_file or source()
    compiler = next((c for c in map(shutil.which, _COMPILERS) if c), None)
    if compiler is None:
        return f"no host compiler ({', '.join(_COMPILERS)}) to build the cycle model with"
    flags = (*_FLAGS, "-undefined", "dynamic_lookup") if sys.platform == "darwin" else _FLAGS
    key = hashlib.sha256(path.read_bytes() + "\0".join((compiler, *flags)).encode()).hexdigest()[:16]
    library = cache_folder() / f"{path.stem}-{key}.so"
    if library.exists():
        return library
    try:
        library.parent.mkdir(parents=True, exist_ok=True)
        # Built under another name: two processes may build at once, and neither may load half a file.
        handle, name = tempfile.mkstemp(prefix=".build", suffix=".so", dir=library.parent)
    except OSError as e:
        return f"the cycle model cannot be built in {library.parent}: {e.strerror}"
    os.close(handle)
    try:
        run = subprocess.run(
            [compiler, *flags, "-o", name, str(path)], capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )
        if run.returncode != 0:
            return f"{compiler} does not build the cycle model: {run.stderr.strip()[-500:]}"
        Path(name).replace(library)
    except (OSError, subprocess.TimeoutExpired) as e:
        return f"{compiler} does not build the cycle model: {e}"
    finally:
        Path(name).unlink(missing_ok=True)
    return library


def _refusal(qemu: str, library: Path) -> str:
    """Let QEMU load the plugin into a machine without a CPU; what it says against it, else empty."""
    with tempfile.TemporaryDirectory(prefix="mcuforge-plugin-") as folder:
        option = f"{library},out={folder}/counts".replace(",", ",,").replace(",,out=", ",out=")
        command = [qemu, "-M", "none", "-nodefaults", "-display", "none", "-monitor", "stdio", "-plugin", option]
        try:
            run = subprocess.run(command, input="quit\n", capture_output=True, text=True, timeout=_TIMEOUT, check=False)
        except (OSError, subprocess.TimeoutExpired) as e:
            return str(e)
    return "" if run.returncode == 0 else run.stderr.strip()[-300:] or f"exit code {run.returncode}"
