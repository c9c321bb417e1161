"""The emulated targets, and which of them this machine has the tools for."""

from __future__ import annotations

import pytest

from toolchain.build import compiler_command
from toolchain.errors import ToolError
from toolchain.target import Target, bundled_targets, load_target
from toolchain.virtual.qemu import find_qemu

EMULATED = [name for name in bundled_targets() if load_target(name).emulator is not None]
OTHER_CORES = [name for name in EMULATED if name != "stm32"]


def need_tools(target: Target) -> None:
    """Skip, with the line that installs what is missing, where a target on request has no compiler or emulator."""
    try:
        compiler_command(target)
        find_qemu(target)
    except ToolError as e:
        if not target.on_request:
            raise
        pytest.skip(str(e))
