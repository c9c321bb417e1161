"""Firmware builds that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from firmware_kit import SANITIZE, build, open_host, open_virtual, tiny_model


@pytest.fixture(scope="session")
def host_elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware as a process of this computer, with ASan and UBSan."""
    return build(tmp_path_factory.mktemp("host") / "fw", "host", tiny_model(), ["-DNN_PROFILE", *SANITIZE])


@pytest.fixture(scope="session")
def m4_elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("m4") / "fw", "stm32", tiny_model(), ["-DNN_PROFILE"])


@pytest.fixture(params=["host", "m4"])
def port(request: pytest.FixtureRequest) -> Iterator[serial.SerialBase]:
    """A running board of each kind, new for each test."""
    if request.param == "host":
        port = open_host(request.getfixturevalue("host_elf"))
    else:
        port = open_virtual(request.getfixturevalue("m4_elf"), "?count=1")
    yield port
    port.close()
