"""The report of a run: a table in the terminal, report.json and a self-contained report.html."""

from __future__ import annotations
