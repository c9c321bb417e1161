"""The host's side of the serial protocol."""

from __future__ import annotations

from toolchain.link.client import Link, LinkError, RequestError
from toolchain.link.info import CORE_CYCLES, NANOSECONDS, TIMER_TICKS, DeviceInfo, TensorInfo
from toolchain.link.selftest import selftest_crc, selftest_inputs

__all__ = [
    "CORE_CYCLES",
    "NANOSECONDS",
    "TIMER_TICKS",
    "DeviceInfo",
    "Link",
    "LinkError",
    "RequestError",
    "TensorInfo",
    "selftest_crc",
    "selftest_inputs",
]
