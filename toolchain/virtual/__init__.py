"""A board without a board: an STM32's flash and ROM boot loader, played here, and QEMU on the flashed bytes.

``virtual://stm32f405`` (see ``toolchain.ports``) is its serial port. Which chip a name stands for comes from the target
description whose ``emulator.board`` is that name. A chip that has no boot loader to play is handed its image instead.
"""

from __future__ import annotations

from toolchain.virtual.board import RegionCounts, VirtualBoard, board_target, use_target
from toolchain.virtual.faults import Faults

__all__ = ["Faults", "RegionCounts", "VirtualBoard", "board_target", "use_target"]
