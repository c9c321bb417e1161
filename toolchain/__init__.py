"""mcuforge: a Keras model becomes measured firmware for a microcontroller."""

from __future__ import annotations

__version__ = "0.1.0"
