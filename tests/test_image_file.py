"""Firmware as a file: what was compressed comes back, and what is wrong with a file is said in words."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from toolchain.errors import TargetError, UserError
from toolchain.flashers.image_file import compressed, is_image_file, read_image_file
from toolchain.target import load_target

STM32 = load_target("stm32")
IMAGE = np.random.default_rng(1).binomial(15, 0.5, 30_000).astype(np.uint8).tobytes()  # like indices of 4 bits


def test_it_comes_back_smaller_by_what_huffman_coding_saves(tmp_path: Path) -> None:
    packed = compressed(IMAGE)
    assert packed == compressed(IMAGE)
    assert len(packed) < 0.47 * len(IMAGE), "they take less than four bits each"
    (tmp_path / "firmware.bin.gz").write_bytes(packed)
    (tmp_path / "firmware.bin").write_bytes(IMAGE)
    for name in ("firmware.bin.gz", "firmware.bin"):
        image = read_image_file(tmp_path / name, STM32)
        assert (image.data, image.origin, image.elf) == (IMAGE, STM32.region("flash").origin, None)


@pytest.mark.parametrize(("name", "is_one"), [("a/firmware.bin.gz", True), ("b.bin", True), ("m.tflite", False)])
def test_images_are_told_from_models_by_their_names(name: str, is_one: bool) -> None:
    assert is_image_file(name) == is_image_file(Path(name)) == is_one


@pytest.mark.parametrize("cut", [0, 5, 500, -4])
def test_a_damaged_file_is_refused(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "firmware.bin.gz"
    path.write_bytes(compressed(IMAGE)[:cut])
    with pytest.raises((UserError, TargetError), match=r"damaged|empty"):
        read_image_file(path, STM32)


def test_a_changed_bit_is_found(tmp_path: Path) -> None:
    path, packed = tmp_path / "firmware.bin.gz", bytearray(compressed(IMAGE))
    packed[len(packed) // 2] ^= 1
    path.write_bytes(packed)
    with pytest.raises(UserError, match="is damaged"):
        read_image_file(path, STM32)


def test_other_files_and_missing_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "firmware.bin.gz"
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_image_file(path, STM32)
    path.write_bytes(b"no gzip")
    with pytest.raises(UserError, match="Not a gzipped file"):
        read_image_file(path, STM32)


def test_what_unpacks_to_more_than_the_flash_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "firmware.bin.gz"
    path.write_bytes(gzip.compress(bytes(1 << 24)))
    with pytest.raises(TargetError, match="unpacks to more than the 1048576 bytes"):
        read_image_file(path, STM32)


def test_a_computer_has_no_flash(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="host has no flash"):
        read_image_file(tmp_path / "firmware.bin", load_target("host"))
