"""``python -m toolchain`` is ``mcuforge``."""

from __future__ import annotations

from toolchain.cli import main

if __name__ == "__main__":
    main()
