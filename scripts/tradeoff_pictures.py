"""Makes the pictures of docs/compare.md from the digits example: make examples/digits/build/digits.keras, then this."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image

from toolchain.cli import run

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "digits" / "build"


def main() -> int:
    """Writes docs/images/compare-flash.png and sensitivity.png; the exit code of the command that failed, or 0."""
    model, data = str(EXAMPLE / "digits.keras"), str(EXAMPLE / "digits.npz")
    with tempfile.TemporaryDirectory() as name:
        for command, picture in (("compare", "compare-flash.png"), ("sensitivity", "sensitivity.png")):
            out = Path(name) / command
            code = run([command, model, "--data", data, "--out", str(out)])
            if code:
                return code
            # Few colours: a tenth of the bytes.
            drawn = Image.open(out / picture).convert("RGB").quantize(64, dither=Image.Dither.NONE)
            drawn.save(ROOT / "docs" / "images" / picture, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
