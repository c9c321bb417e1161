"""The host's side of the serial protocol."""

from __future__ import annotations
