"""The firmware as one file: the bytes of flash, or the same compressed with gzip to be sent over the air.

gzip's deflate Huffman-codes what the file holds, so that weights of few bits, whose indices are not equally frequent,
take less than they do in flash (the last stage of Han et al., "Deep Compression", 2016). It is decoded when it is
flashed, here or by any boot loader that can inflate; its CRC-32 says whether it arrived whole.
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any

from toolchain.errors import TargetError, UserError
from toolchain.flashers.common import FlashImage, check_fits
from toolchain.target import Target

PLAIN, COMPRESSED = ".bin", ".bin.gz"
_AGAIN = "Build the firmware again, or copy the file again."


def is_image_file(model: Any) -> bool:
    """Whether the user named a flash image and not a model."""
    return isinstance(model, (str, Path)) and str(model).endswith((PLAIN, COMPRESSED))


def compressed(image: bytes) -> bytes:
    """``image`` as a gzip file; equal images give equal bytes."""
    return gzip.compress(image, 9, mtime=0)


def read_image_file(path: Path, target: Target) -> FlashImage:
    """The image in a ``.bin`` or ``.bin.gz``, which begins where the target's flash begins.

    Raises UserError when it cannot be read or decoded, TargetError when it is larger than the flash or the target has
    none.
    """
    if target.kind != "mcu":
        raise TargetError(f"{target.name} has no flash", "Choose a board: mcuforge targets")
    flash = target.region("flash")
    try:
        if path.name.endswith(COMPRESSED):
            with gzip.open(path) as f:
                data = f.read(flash.size + 1)  # a damaged or hostile file may unpack to anything
                whole = not f.read(1)
        else:
            data, whole = path.read_bytes(), True
    except (gzip.BadGzipFile, EOFError, zlib.error) as e:
        raise UserError(f"{path}: the compressed firmware is damaged: {e}", _AGAIN) from e
    except OSError as e:
        raise UserError(f"{path}: cannot be read: {e.strerror}", "Check the path.") from e
    if not whole:
        raise TargetError(f"{path} unpacks to more than the {flash.size} bytes of flash of {target.name}", _AGAIN)
    image = FlashImage(data, flash.origin)
    check_fits(image, target)
    return image
